//! A small SMTP server on loopback that answers as the test says and remembers what it received.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What the server does at a step, in place of going on.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    Say(&'static str),
    HangUp,
    Silence,
    /// A line that does not end.
    Flood,
    /// The usual, after so many milliseconds.
    Late(u64),
}

/// The steps by name: `GREETING`, the verbs, `CONTENT` for the end of the mail, `AFTER` to hang up
/// without a word after it.
pub type Script = &'static [(&'static str, Answer)];

#[derive(Debug, Default)]
pub struct Seen {
    pub connections: usize,
    /// The commands, and each mail's content as one entry.
    pub said: Vec<String>,
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) =
            (listener.local_addr().unwrap(), Arc::new(Mutex::new(Seen::default())));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.lock().unwrap().connections += 1;
                let log = Arc::clone(&log);
                tokio::spawn(async move { talk(stream, script, &log).await });
            }
        });
        Self { address, seen }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// What was said, beginning with `verb`.
    pub fn said(&self, verb: &str) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .said
            .iter()
            .filter(|line| line.starts_with(verb))
            .cloned()
            .collect()
    }
}

/// `None`: the connection is over.
async fn talk(stream: TcpStream, script: Script, seen: &Mutex<Seen>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    answer(&mut stream, script, "GREETING", "220 relay.example ESMTP").await?;
    loop {
        let line = read_line(&mut stream).await?;
        seen.lock().unwrap().said.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let usual = match verb.as_str() {
            "EHLO" => "250-relay.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "AUTH" => "235 welcome",
            _ => "250 fine",
        };
        let said = answer(&mut stream, script, &verb, usual).await?;
        if verb == "DATA" && said.starts_with("354") {
            let mut content = String::new();
            loop {
                let line = read_line(&mut stream).await?;
                if line == "." {
                    break;
                }
                content.push_str(line.strip_prefix('.').unwrap_or(&line));
                content.push_str("\r\n");
            }
            seen.lock().unwrap().said.push(format!("CONTENT {content}"));
            answer(&mut stream, script, "CONTENT", "250 2.0.0 taken").await?;
            if script.iter().any(|(name, _)| *name == "AFTER") {
                return None;
            }
        }
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    script: Script,
    step: &str,
    usual: &'static str,
) -> Option<&'static str> {
    let text = match script.iter().find(|(name, _)| *name == step).map(|(_, answer)| answer) {
        None => usual,
        Some(Answer::Say(text)) => text,
        Some(Answer::HangUp) => return None,
        Some(Answer::Silence) => return std::future::pending().await,
        Some(Answer::Flood) => {
            while stream.get_mut().write_all(&[b'2'; 4096]).await.is_ok() {}
            return None;
        }
        Some(Answer::Late(milliseconds)) => {
            tokio::time::sleep(std::time::Duration::from_millis(*milliseconds)).await;
            usual
        }
    };
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
    Some(text)
}
