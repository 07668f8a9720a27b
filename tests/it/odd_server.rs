//! A contacts API in a few lines, which tests can make answer in undocumented ways.
//!
//! It stores contacts as JSON, so it can also have contacts that [`Contact`](wazzup_contacts::contact::Contact)
//! can't represent.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::harness::{Call, World};

/// A request as the server received it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) target: String,
    pub(crate) body: String,
}

impl Request {
    /// The offset and the limit of a request for a page.
    pub(crate) fn page(&self) -> Option<(usize, usize)> {
        let (path, query) = self.target.split_once('?')?;
        let number = |name: &str| {
            let value = query.split('&').find_map(|it| it.strip_prefix(name))?;
            value.parse().ok()
        };
        (self.method == "GET" && path == "/v2/contacts")
            .then(|| Some((number("offset=")?, number("limit=")?)))?
    }

    /// The id of a look-up.
    pub(crate) fn id(&self) -> Option<String> {
        let id = self.target.strip_prefix("/v2/contacts/")?;
        let id = percent_decode_str(id).decode_utf8().ok()?.into_owned();
        (self.method == "GET").then_some(id)
    }
}

/// An answer: status, content type, body.
pub(crate) type Answer = (u16, &'static str, String);

/// A web page, as a proxy or a load balancer writes it.
pub(crate) fn page(status: u16) -> Answer {
    let body = format!("<html><title>{status} from a proxy</title></html>");
    (status, "text/html", body)
}

/// The contacts of an account, in the order of the list.
pub(crate) type Contacts = Vec<Value>;

/// A page of these contacts.
pub(crate) fn listed(contacts: &[Value]) -> Answer {
    answer(&json!({ "data": contacts, "meta": { "timestamp": 1 } }))
}

fn answer(body: &Value) -> Answer {
    (200, "application/json", body.to_string())
}

/// A plain contact with one chat.
pub(crate) fn contact(id: &str, name: &str) -> Value {
    json!({
        "id": id, "responsible_user_id": "u1", "name": name, "uri": format!("/api/v2/contacts/{id}"),
        "contact_data": [{ "chat_type": "whatsapp", "chat_id": "79991112233", "username": "", "phone": "" }],
    })
}

/// This number of plain contacts, sorted by id.
pub(crate) fn people(count: usize) -> Contacts {
    let id = |number| format!("p{number:06}");
    (1..=count)
        .map(|number| contact(&id(number), "Ann"))
        .collect()
}

/// A running server, which ends with the process.
pub(crate) struct OddServer {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    contacts: Contacts,
    log: Vec<Request>,
}

type Oddity = dyn Fn(&Request, &mut Contacts) -> Option<Answer> + Send + Sync;

impl OddServer {
    /// Answers as documented, unless `odd` does.
    pub(crate) fn start(
        contacts: Contacts,
        odd: impl Fn(&Request, &mut Contacts) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Vec::new();
        let state = Arc::new(Mutex::new(State { contacts, log }));
        let (shared, odd): (_, Arc<Oddity>) = (Arc::clone(&state), Arc::new(odd));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (state, odd) = (Arc::clone(&shared), Arc::clone(&odd));
                thread::spawn(move || serve(connection, &state, &*odd));
            }
        });
        Self { url, state }
    }

    /// A command that finds this server instead of the sandbox.
    pub(crate) fn call(&self, world: &World, command: &str) -> Call {
        world
            .call(command.split(' '))
            .env("WAZZUP_BASE_URL", &self.url)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The current contacts.
    pub(crate) fn contacts(&self) -> Contacts {
        self.state().contacts.clone()
    }

    /// A contact.
    pub(crate) fn contact(&self, id: &str) -> Option<Value> {
        self.contacts().into_iter().find(|it| it["id"] == id)
    }

    /// Changes the contacts without the tool.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Contacts)) {
        change(&mut self.state().contacts);
    }

    /// The number of requests with this method.
    pub(crate) fn count(&self, method: &str) -> usize {
        let state = self.state();
        state.log.iter().filter(|it| it.method == method).count()
    }

    /// The bodies of the requests with this method.
    pub(crate) fn bodies(&self, method: &str) -> Vec<String> {
        let state = self.state();
        let sent = state.log.iter().filter(|it| it.method == method);
        sent.map(|it| it.body.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(connection: TcpStream, state: &Mutex<State>, odd: &Oddity) {
    let _ = connection.set_nodelay(true);
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader) {
        let (status, kind, body) = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.log.push(request.clone());
            let contacts = &mut state.contacts;
            odd(&request, contacts).unwrap_or_else(|| documented(&request, contacts))
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if reader
            .get_mut()
            .write_all((head + &body).as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Request {
        method,
        target,
        body,
    })
}

/// The answer of a working API: a write replaces the given fields.
pub(crate) fn documented(request: &Request, contacts: &mut Contacts) -> Answer {
    if let Some((offset, limit)) = request.page() {
        let end = contacts.len().min(offset + limit);
        return listed(contacts.get(offset..end).unwrap_or_default());
    }
    if let Some(id) = request.id() {
        if let Some(found) = contacts.iter().find(|it| it["id"] == *id) {
            return answer(&json!({ "data": [found] }));
        }
        let body = json!({ "error": "CONTACT_NOT_FOUND", "description": "no such contact" });
        return (404, "application/json", body.to_string());
    }
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    if request.method == "DELETE" {
        let ids = body["contact_ids"].as_array().unwrap();
        contacts.retain(|contact| !ids.contains(&contact["id"]));
        return answer(&json!({ "data": null }));
    }
    let sent = body["contacts"].as_array().unwrap();
    for contact in sent {
        match contacts.iter_mut().find(|it| it["id"] == contact["id"]) {
            Some(known) => {
                let known = known.as_object_mut().unwrap();
                known.extend(contact.as_object().unwrap().clone());
            }
            None => contacts.push(contact.clone()),
        }
    }
    answer(&json!({ "data": { "processed": sent.len() } }))
}
