//! Asking for a second factor in words, and an authenticator app's picture.

use std::fmt::Write;

use qrcode::{Color, QrCode};

use crate::{
    app::factors::Has,
    web::views::factors::{Ask, QrPicture},
};

/// What to ask of somebody who has these.
pub fn ask(has: Has, action: &'static str, passkey_options: &'static str, return_to: &str) -> Ask {
    Ask {
        code_label: match (has.app, has.recovery_code) {
            (true, true) => "Code from your authenticator app, or a recovery code",
            (true, false) => "Code from your authenticator app",
            (false, true) => "Recovery code",
            (false, false) => "",
        },
        passkey_options: if has.passkey { passkey_options } else { "" },
        action,
        return_to: return_to.to_owned(),
        error: None,
    }
}

/// The border that readers need around a code.
const QR_BORDER_MODULES: usize = 4;

/// The QR code of a text; `None`: it is too long for one.
pub fn picture(text: &str) -> Option<QrPicture> {
    let code = QrCode::new(text).ok()?;
    let (width, mut path) = (code.width(), String::new());
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let _ = write!(
            path,
            "M{} {}h1v1h-1z",
            at % width + QR_BORDER_MODULES,
            at / width + QR_BORDER_MODULES
        );
    }
    Some(QrPicture { size: width + 2 * QR_BORDER_MODULES, path })
}

/// `ABCDEFGH` -> `ABCD EFGH`, to be typed.
pub fn in_groups(letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
