//! The floor: a minimal program that processes the same bytes without checks, run file and retries.

use std::{
    borrow::Cow,
    fs::File,
    io::{BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use calamine::{Reader as _, Xlsx};
use memchr::memchr_iter;
use serde::{Deserialize, Serialize};

use crate::sink::{BATCH, message};

/// Requests in flight, as many as the program uses at the latency of loopback.
const CONNECTIONS: usize = 4;

#[derive(Serialize, Deserialize)]
pub(crate) struct Contact<'a> {
    id: &'a str,
    responsible_user_id: &'a str,
    name: Cow<'a, str>,
    uri: &'a str,
    #[serde(rename = "contact_data")]
    chats: Vec<Chat<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Chat<'a> {
    chat_type: &'a str,
    chat_id: &'a str,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<Contact<'a>>,
}

/// Reads a file and finds its line ends.
pub(crate) fn lines(path: &Path) {
    let mut file = File::open(path).expect("the source is there");
    let mut buffer = vec![0; 1 << 18];
    let mut count = 0;
    loop {
        match file.read(&mut buffer).expect("the source is there") {
            0 => break,
            read => count += memchr_iter(b'\n', &buffer[..read]).count(),
        }
    }
    assert!(count > 0);
}

/// Reads the records of a CSV file.
pub(crate) fn records(path: &Path, mut each: impl FnMut(&csv::StringRecord)) {
    let reader = csv::ReaderBuilder::new()
        .buffer_capacity(1 << 18)
        .from_path(path);
    let mut reader = reader.expect("the source is there");
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).expect("the source is CSV") {
        each(&record);
    }
}

/// Writes a record as the JSON of a contact.
pub(crate) fn write_contact(record: &csv::StringRecord, json: &mut Vec<u8>) {
    let digits: String = record[4].chars().filter(char::is_ascii_digit).collect();
    let contact = Contact {
        id: &record[0],
        responsible_user_id: &record[1],
        name: record[2].into(),
        uri: &record[3],
        chats: vec![Chat {
            chat_type: "whatsapp",
            chat_id: &digits,
        }],
    };
    serde_json::to_writer(json, &contact).expect("memory has room");
}

/// Turns a CSV file into bodies of requests.
pub(crate) fn bodies(path: &Path, mut each: impl FnMut(&[u8])) {
    let (mut body, mut contacts) = (Vec::new(), 0);
    let mut end = |body: &mut Vec<u8>| {
        body.extend_from_slice(b"]}");
        each(body);
        body.clear();
    };
    records(path, |record| {
        let before: &[u8] = if body.is_empty() {
            b"{\"contacts\":["
        } else {
            b","
        };
        body.extend_from_slice(before);
        write_contact(record, &mut body);
        contacts += 1;
        if contacts % BATCH == 0 {
            end(&mut body);
        }
    });
    if !body.is_empty() {
        end(&mut body);
    }
}

/// Reads the cells of the first sheet of a workbook.
pub(crate) fn cells(path: &Path) {
    let file = BufReader::new(File::open(path).expect("the workbook is there"));
    let mut book = Xlsx::new(file).expect("a workbook");
    let sheet = book.sheet_names()[0].clone();
    let mut cells = book.worksheet_cells_reader(&sheet).expect("a sheet");
    while cells.next_cell().expect("cells").is_some() {}
}

/// Connections that are used in turn. The answer of each is read at its next turn.
struct Connections {
    all: Vec<(TcpStream, Vec<u8>)>,
    sent: usize,
    received: usize,
}

impl Connections {
    fn new(address: SocketAddr) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("the sink listens");
            stream.set_nodelay(true).expect("a socket");
            (stream, Vec::new())
        };
        Self {
            all: (0..CONNECTIONS).map(connect).collect(),
            sent: 0,
            received: 0,
        }
    }

    fn send(&mut self, line: &str, body: &[u8]) {
        let (stream, _) = &mut self.all[self.sent % CONNECTIONS];
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
        let request = [head.as_bytes(), body].concat();
        stream.write_all(&request).expect("the sink reads");
        self.sent += 1;
    }

    const fn in_flight(&self) -> usize {
        self.sent - self.received
    }

    /// The body of the oldest unread answer.
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> T {
        let (stream, buffer) = &mut self.all[self.received % CONNECTIONS];
        self.received += 1;
        let body = message(stream, buffer).expect("the sink answers");
        let result = read(&buffer[body]);
        buffer.clear();
        result
    }
}

/// Sends a CSV file.
pub(crate) fn send(path: &Path, address: SocketAddr) {
    let mut connections = Connections::new(address);
    bodies(path, |body| {
        if connections.in_flight() == CONNECTIONS {
            connections.receive(|_| ());
        }
        connections.send("POST /v2/contacts", body);
    });
    while connections.in_flight() > 0 {
        connections.receive(|_| ());
    }
}

/// Reads all contacts.
pub(crate) fn list(address: SocketAddr, mut each: impl FnMut(&Contact<'_>)) {
    let mut connections = Connections::new(address);
    loop {
        while connections.in_flight() < CONNECTIONS {
            let offset = connections.sent * BATCH;
            connections.send(
                &format!("GET /v2/contacts?offset={offset}&limit={BATCH}"),
                b"",
            );
        }
        let contacts = connections.receive(|body| {
            let page: Page<'_> = serde_json::from_slice(body).expect("a page");
            page.data.iter().for_each(&mut each);
            page.data.len()
        });
        if contacts < BATCH {
            return;
        }
    }
}

/// Saves all contacts as CSV.
pub(crate) fn export(address: SocketAddr, path: &Path) {
    let mut writer = csv::Writer::from_path(path).expect("a new file");
    list(address, |contact| {
        let chat = contact.chats[0].chat_id;
        let Contact {
            id,
            responsible_user_id,
            name,
            uri,
            ..
        } = contact;
        writer
            .write_record([id, responsible_user_id, &**name, uri, chat])
            .expect("room on the disk");
    });
    writer.flush().expect("room on the disk");
}
