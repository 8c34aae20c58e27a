"""ComfyUI servers as lanes: workflows in API format, run over HTTP and followed on the websocket.

Written against ComfyUI 0.3.64 and what its source of 2026 does otherwise. What a server says is never taken as whole: every
message may be lost, late, or another program's.
"""
