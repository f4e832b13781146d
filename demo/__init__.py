"""The demo: a page that runs on the visitor's device, and a server for it on this machine."""
