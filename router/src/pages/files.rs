use hive_router::{
    http::StatusCode,
    ntex::http::{HeaderMap, Response, header},
};

use super::safe;

/// A file that the pages load.
pub(super) struct File {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    /// Whether the content is compressed by gzip, as every browser takes it.
    is_compressed: bool,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// What all bundles were made from; it differs whenever one of them does.
const SOURCES: &str = include_str!("../../assets/graphiql/SOURCES.sha256");

macro_rules! bundle {
    ($name:literal, $kind:expr) => {
        File {
            name: $name,
            kind: $kind,
            content: include_bytes!(concat!("../../assets/graphiql/", $name, ".gz")),
            is_compressed: true,
        }
    };
}

macro_rules! plain {
    ($name:literal, $kind:expr) => {
        File {
            name: $name,
            kind: $kind,
            content: include_bytes!(concat!("../../assets/", $name)),
            is_compressed: false,
        }
    };
}

const FILES: [File; 7] = [
    bundle!("graphiql.js", SCRIPT),
    bundle!("graphiql.css", STYLE),
    bundle!("editor.worker.js", SCRIPT),
    bundle!("json.worker.js", SCRIPT),
    bundle!("graphql.worker.js", SCRIPT),
    plain!("front.js", SCRIPT),
    plain!("front.css", STYLE),
];

impl File {
    /// The file at a path.
    pub(super) fn of(path: &str) -> Option<&'static Self> {
        let name = path.strip_prefix("/assets/")?;
        FILES.iter().find(|file| file.name == name)
    }

    /// The file, or that it is as it was.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response {
        let mut answer = safe(self.kind);
        answer.header(header::CACHE_CONTROL, "no-cache");
        if self.is_compressed {
            // Megabytes, which a browser keeps until they change.
            let tag = format!("\"{}\"", SOURCES.trim());
            let is_known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
            answer.header(header::CONTENT_ENCODING, "gzip").header(header::ETAG, tag);
            if is_known {
                return answer.status(StatusCode::NOT_MODIFIED).finish();
            }
        }
        answer.body(self.content)
    }
}
