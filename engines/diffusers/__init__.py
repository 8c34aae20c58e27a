"""The diffusers engine: models in diffusers' folder layout, run in this machine's own memory.

`engine` enters at the door and imports neither torch nor diffusers; `loading` and everything behind it does.
"""
