//! Files that come from another program: dragged with the mouse, or copied there and pasted here.

use std::path::PathBuf;

use super::page::{Page, by};
use super::screen::{Group, Screen};

/// From the handle of `drag_source.py` to the window, in steps as a hand makes them: GTK drops a drag that jumps.
const WAY: [&str; 12] = [
    "1150", "1130", "1100", "1060", "1020", "980", "930", "880", "800", "700", "600", "500",
];

/// Drags files over the window and lets them go there.
pub(super) async fn drag(screen: &Screen, page: &Page, files: &[PathBuf], hovering: impl AsyncFnOnce()) {
    let (_source, mut said) = screen.script("drag_source.py", files);
    screen.hand(&["mousemove", "1160", "160"]);
    screen.hand(&["mousedown", "1"]);
    for x in WAY {
        screen.hand(&["mousemove", x, "300"]);
    }
    said.expect("begin");
    let mut step = 0_u32;
    page.until("the overlay while files hover", async || {
        step += 1;
        screen.hand(&["mousemove", &(500 + step % 7).to_string(), "300"]);
        (page.count(&by("drop-overlay")).await > 0).then_some(())
    })
    .await;
    hovering().await;
    screen.hand(&["mouseup", "1"]);
    said.expect("end");
    page.miss("drop-overlay").await;
}

/// Copies files elsewhere; they can be pasted for as long as what is answered lives.
#[must_use]
pub(super) fn copy(screen: &Screen, files: &[PathBuf]) -> Group {
    screen.script("clipboard_source.py", files).0
}
