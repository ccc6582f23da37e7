"""The console: one server-rendered web application over the calls of `happypath.operations`.

`app` puts it together, `security` decides which requests it answers at all, and `pages` has a module for
each page.
"""
