//! A minimal server: it pages an account that never changes, and accepts every write unread.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    sync::Arc,
    thread,
};

use memchr::memmem;

/// Contacts per request.
pub(crate) const BATCH: usize = 100;

/// The contacts of an account, with commas between them.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) json: Vec<u8>,
    /// The end of each contact.
    pub(crate) ends: Vec<usize>,
}

impl Account {
    fn page(&self, offset: usize, limit: usize) -> Vec<u8> {
        let last = (offset + limit).min(self.ends.len());
        let contacts = if offset < last {
            let start = offset
                .checked_sub(1)
                .map_or(0, |before| self.ends[before] + 1);
            &self.json[start..self.ends[last - 1]]
        } else {
            b""
        };
        [br#"{"data":["#, contacts, b"]}"].concat()
    }
}

/// Serves an account until the process ends.
pub(crate) fn start(account: Account) -> io::Result<SocketAddr> {
    let account = Arc::new(account);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let account = Arc::clone(&account);
            // A client that disconnects ends its thread.
            thread::spawn(move || serve(stream, &account));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, account: &Account) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = Vec::new();
    loop {
        let body = message(&mut stream, &mut buffer)?;
        let answer = if buffer.starts_with(b"GET ") {
            let number = |name| number_after(&buffer, name).unwrap_or_default();
            account.page(number(b"offset="), number(b"limit="))
        } else {
            let processed = memmem::find_iter(&buffer[body], b"contact_data").count();
            format!(r#"{{"data":{{"processed":{processed}}}}}"#).into_bytes()
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream
            .write_all(&[head.as_bytes(), &answer].concat())
            .ok()?;
        buffer.clear();
    }
}

/// Reads a request or an answer into the empty buffer. Returns the position of its body; `None` at the end of the
/// connection.
pub(crate) fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Range<usize>> {
    let mut piece = [0; 1 << 14];
    loop {
        if let Some(head) = memmem::find(buffer, b"\r\n\r\n") {
            let length = number_after(&buffer[..head], b"content-length: ").unwrap_or_default();
            let body = head + 4..head + 4 + length;
            if buffer.len() >= body.end {
                return Some(body);
            }
        }
        match stream.read(&mut piece).ok()? {
            0 => return None,
            read => buffer.extend_from_slice(&piece[..read]),
        }
    }
}

fn number_after(text: &[u8], name: &[u8]) -> Option<usize> {
    let start = memmem::find(text, name)? + name.len();
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
