//! Ctrl-C: the first asks for a clean stop, the second ends the process.

use tokio_util::sync::CancellationToken;

use crate::error::Exit;

/// Cancelled at the first SIGINT or SIGTERM.
pub fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        signal().await;
        token.cancel();
        signal().await;
        eprintln!("stopped at once: a step was cut off; the next run finds out what it did");
        std::process::exit(Exit::Interrupted as i32);
    });
    stop
}

/// The next SIGINT or SIGTERM.
pub async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
