//! Fetches the page script by the lock file, then hashes, compresses and embeds what browsers get.
//! Must not put anything into the source tree: all of it lives in OUT_DIR.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, exit},
};

use sha2::{Digest, Sha256};

fn main() {
    // embed_migrations! does not see a new folder by itself.
    for watched in
        ["migrations", "static", "package.json", "package-lock.json", ".npmrc", "build.rs"]
    {
        println!("cargo:rerun-if-changed={watched}");
    }
    println!("cargo:rerun-if-env-changed=NODE_MODULES");
    // Cargo reads .cargo/config.toml by the folder that it is called in.
    for setting in ["LIBSQLITE3_FLAGS", "JEMALLOC_SYS_WITH_MALLOC_CONF"] {
        println!("cargo:rerun-if-env-changed={setting}");
        if env::var_os(setting).is_none() {
            println!(
                "cargo:warning={setting} is not set: SQLite or the allocator is built otherwise \
                 than it was tested; call cargo in the project's folder"
            );
        }
    }
    let out =
        PathBuf::from(env::var_os("OUT_DIR").unwrap_or_else(|| fail("cargo gave no OUT_DIR")));
    let modules = env::var_os("NODE_MODULES").map_or_else(|| npm_ci(&out), PathBuf::from);
    let assets = [
        ("CSS", Path::new("static/app.css").to_owned(), "text/css; charset=utf-8"),
        ("JS", Path::new("static/app.js").to_owned(), "text/javascript; charset=utf-8"),
        ("HTMX", modules.join("htmx.org/dist/htmx.min.js"), "text/javascript; charset=utf-8"),
        ("FAVICON", Path::new("static/favicon.svg").to_owned(), "image/svg+xml"),
    ];
    let mut code = String::new();
    for (name, path, mime) in &assets {
        code.push_str(&embed(&out, name, path, mime));
    }
    code.push_str(
        "/// Everything that is served below /assets/.\npub const ALL: [&Asset; 4] = \
        [&CSS, &JS, &HTMX, &FAVICON];\n",
    );
    write(&out.join("assets.rs"), code.as_bytes());
}

/// Writes the three encodings of a file and answers the constant that includes them.
fn embed(out: &Path, name: &str, path: &Path, mime: &str) -> String {
    let plain =
        fs::read(path).unwrap_or_else(|e| fail(&format!("can't read {}: {e}", path.display())));
    let hash = Sha256::digest(&plain)
        .iter()
        .take(6)
        .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
    let file = path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, "bin"));
    let mut brotli = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    if let Err(e) = brotli::BrotliCompress(&mut plain.as_slice(), &mut brotli, &params) {
        fail(&format!("cannot compress {file}: {e}"));
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let gzip = gzip
        .write_all(&plain)
        .and_then(|()| gzip.finish())
        .unwrap_or_else(|e| fail(&format!("cannot compress {file}: {e}")));
    for (suffix, bytes) in [("plain", &plain), ("br", &brotli), ("gz", &gzip)] {
        write(&out.join(format!("{name}.{suffix}")), bytes);
    }
    format!(
        "/// `{file}`.\npub const {name}: Asset = Asset {{ name: \"{stem}.{hash}.{extension}\", \
         path: \"/assets/{stem}.{hash}.{extension}\", mime: \"{mime}\", \
         plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.plain\")), \
         brotli: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.br\")), \
         gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")) }};\n"
    )
}

/// Installs exactly what the lock file says, checked against its hashes; answers the folder.
fn npm_ci(out: &Path) -> PathBuf {
    let dir = out.join("npm");
    let lock = fs::read("package-lock.json")
        .unwrap_or_else(|e| fail(&format!("cannot read package-lock.json: {e}")));
    let stamp = dir.join(".stamp");
    if fs::read(&stamp).is_ok_and(|stamped| stamped == lock) {
        return dir.join("node_modules");
    }
    if let Err(e) = fs::create_dir_all(&dir) {
        fail(&format!("cannot make {}: {e}", dir.display()));
    }
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        if let Err(e) = fs::copy(file, dir.join(file)) {
            fail(&format!("cannot copy {file}: {e}"));
        }
    }
    match Command::new("npm")
        .args(["ci", "--omit=dev", "--no-audit", "--no-fund"])
        .current_dir(&dir)
        .output()
    {
        Ok(done) if done.status.success() => {}
        Ok(done) => fail(&String::from_utf8_lossy(&done.stderr)),
        Err(e) => fail(&format!(
            "cannot run npm ({e}). The page script htmx is fetched at build time: install Node.js \
             20 or newer with npm, or set NODE_MODULES to a folder that holds \
             htmx.org/dist/htmx.min.js"
        )),
    }
    write(&stamp, &lock);
    dir.join("node_modules")
}

fn write(path: &Path, bytes: &[u8]) {
    if let Err(e) = fs::write(path, bytes) {
        fail(&format!("cannot write {}: {e}", path.display()));
    }
}

fn fail(why: &str) -> ! {
    for line in why.lines() {
        println!("cargo::error={line}");
    }
    exit(1)
}
