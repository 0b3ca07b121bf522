#!/usr/bin/python3
"""A small window at the right edge of the screen from which files can be dragged: drag_source.py FILE...

Says `ready` when it is on the screen, `begin` and `end` when a drag does. Needs no window manager.
"""

import pathlib
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

uris = [pathlib.Path(path).resolve().as_uri() for path in sys.argv[1:]]


def say(word):
    return lambda *_: print(word, flush=True)


window = Gtk.Window(title="files", type=Gtk.WindowType.POPUP)
window.set_default_size(120, 120)
window.move(1100, 100)
handle = Gtk.EventBox()
handle.add(Gtk.Label(label="drag me"))
window.add(handle)
handle.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
handle.drag_source_add_uri_targets()
handle.connect("drag-begin", say("begin"))
handle.connect("drag-data-get", lambda _w, _c, data, *_: data.set_uris(uris))
handle.connect("drag-end", say("end"))
window.connect("map-event", say("ready"))
window.show_all()
Gtk.main()
