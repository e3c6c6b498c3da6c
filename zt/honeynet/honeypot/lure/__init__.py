"""The lure: answers to attackers, none of which can be turned against others.

lure            what is answered to which request
personality     which PBX it looks like; personalities/ has those that come with it
request, replies   what of a request is repeated, and how a reply is made to fit
marks, digest   nonces and tags that cost no memory, and credentials
extensions, luring   who seems to exist, with which password
calls, sdp      calls that lead nowhere, with silent media
"""
