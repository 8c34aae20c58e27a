"""The A1111 family over its HTTP API: AUTOMATIC1111, Forge, SD.Next, and the servers of stable-diffusion.cpp and koboldcpp.

They share routes and words, not behaviour; `probing` asks each server what it has, and everything else goes by that.
"""
