//! The window of Skylift: builds the app, starts the engine behind it, and hands over to the event loop.
//!
//! Refuses to know how an upload works: everything it does is asked of the engine in the words of `skylift_model::api`.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod clipboard;
mod commands;
mod dialogs;
mod drag;
mod drops;
mod engine;
mod feed;
mod folders;
mod revival;
#[cfg(test)]
mod surface;
mod window;

use tauri::{Builder, Manager, Wry};
use tracing_subscriber::EnvFilter;

use crate::engine::Engine;

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let engine = Engine::of_this_user();
    let app = plugins(revival::told(Builder::default()), &engine)
        .manage(engine)
        .manage(feed::Audience::default())
        .manage(drops::Drops::default())
        .manage(clipboard::Clipboard::default())
        .manage(dialogs::Dialogs::default())
        .invoke_handler(commands::handler())
        .setup(|app| {
            app.manage(drag::Drag::follow(app.handle()));
            window::open(app.handle())?;
            window::quit_on_signals(app.handle().clone());
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(window::on_run);
    Ok(())
}

/// A data folder that was named gets a window of its own; the usual one has a single window a user.
fn plugins(builder: Builder<Wry>, engine: &Engine) -> Builder<Wry> {
    let builder = if engine.is_usual() {
        builder.plugin(tauri_plugin_single_instance::init(|app, _, _| window::show(app)))
    } else {
        builder
    };
    builder.plugin(tauri_plugin_dialog::init()).plugin(
        tauri_plugin_window_state::Builder::new()
            .with_state_flags(window::REMEMBERED)
            .build(),
    )
}
