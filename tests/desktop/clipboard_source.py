#!/usr/bin/python3
"""Holds files on the clipboard, as a file manager does after Copy: clipboard_source.py FILE...

Says `ready` when it owns the clipboard, `gone` when another program has taken it.
"""

import pathlib
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

uris = [pathlib.Path(path).resolve().as_uri() for path in sys.argv[1:]]
owner = Gtk.Invisible()
owner.connect("selection-get", lambda _w, data, *_: data.set_uris(uris))
owner.connect("selection-clear-event", lambda *_: print("gone", flush=True))
Gtk.selection_add_target(owner, Gdk.SELECTION_CLIPBOARD, Gdk.Atom.intern("text/uri-list", False), 0)
if not Gtk.selection_owner_set(owner, Gdk.SELECTION_CLIPBOARD, Gdk.CURRENT_TIME):
    sys.exit("the clipboard cannot be taken")
print("ready", flush=True)
Gtk.main()
