//! A token that a command prints: a password manager, a vault, a script.
//!
//! The shell runs it, so pipes work. It gets no input, its standard error goes where ours goes (it may want
//! to explain itself), and what it prints is never shown.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use secrecy::SecretString;

use crate::api::{clock::Waiter, error::ApiError};

/// A command that asks a person for a password needs some time.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Runs the command and takes what it prints, without the white space around it.
pub(crate) fn run(command: &str, waiter: &Waiter) -> Result<SecretString, ApiError> {
    let mut child = shell(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("it can't be started: {error}")))?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || read(output));
    let status = wait(&mut child, waiter)?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    let text = reader
        .join()
        .map_err(|_| failed("its output can't be read".to_owned()))?;
    match text.trim() {
        "" => Err(failed("it printed nothing".to_owned())),
        token => Ok(token.into()),
    }
}

fn shell(command: &str) -> Command {
    let (shell, option) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let mut run = Command::new(shell);
    run.arg(option).arg(command);
    run
}

fn read(output: Option<impl Read>) -> String {
    let mut text = Vec::new();
    if let Some(output) = output {
        // What can't be read is missing from the token, and the server will say so.
        let _ = output.take(OUTPUT_BYTES_MAX).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn wait(child: &mut Child, waiter: &Waiter) -> Result<ExitStatus, ApiError> {
    let deadline = waiter.now() + PATIENCE;
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(|error| failed(error.to_string()))?
        {
            return Ok(status);
        }
        let now = waiter.now();
        let stopped = waiter.until(now + POLL);
        if stopped.is_err() || now >= deadline {
            // It may have ended by itself in this moment.
            let _ = child.kill();
            let _ = child.wait();
            stopped?;
            return Err(failed(format!("no end after {} s", PATIENCE.as_secs())));
        }
    }
}

fn failed(detail: String) -> ApiError {
    ApiError::TokenCommand {
        detail,
        sent: false,
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::{
        api::clock::{FakeClock, SystemClock},
        progress::Silent,
    };

    fn waiter() -> Waiter {
        Waiter::new(Arc::new(SystemClock::default()), Arc::new(Silent))
    }

    #[test]
    fn what_the_command_prints_is_the_token() {
        let token = run("printf ' abc\\n' | tr b x", &waiter()).unwrap();
        assert_eq!(token.expose_secret(), "axc");
    }

    #[test]
    fn a_command_that_fails_or_prints_nothing_is_an_error_that_says_so() {
        for (command, words) in [
            ("exit 3", "3"),
            ("true", "nothing"),
            ("/no/such/thing 2>/dev/null", "127"),
        ] {
            let error = run(command, &waiter()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().unwrap().contains("token_command"));
        }
    }

    #[test]
    fn a_command_without_end_is_ended() {
        let hasty = Waiter::new(Arc::new(FakeClock::default()), Arc::new(Silent));
        let error = run("exec sleep 30", &hasty).unwrap_err();
        assert!(error.to_string().contains("no end"), "{error}");
    }
}
