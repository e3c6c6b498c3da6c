"""Ciphers and tokens, by value and by column.

AES and AES-SIV come from `cryptography`; what is built here on top of them is what must run over
whole columns of values at once.
"""
