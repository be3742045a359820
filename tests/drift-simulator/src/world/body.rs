//! Message bodies: HTML fragments in many scripts, and every character that has ever broken a pipeline.

use crate::chance::Chance;
use crate::json::Spelling;

const WORDS: [&str; 32] = [
    "pricing",
    "hello",
    "team",
    "demo",
    "tomorrow",
    "invoice",
    "thanks",
    "could",
    "you",
    "please",
    "send",
    "the",
    "link",
    "for",
    "annual",
    "plan",
    "integration",
    "with",
    "our",
    "warehouse",
    "schedule",
    "call",
    "support",
    "question",
    "about",
    "export",
    "data",
    "seats",
    "discount",
    "trial",
    "renewal",
    "contract",
];

const CURIOUS: [&str; 16] = [
    "Great 🎉👩‍👩‍👧‍👦 <b>see you</b> 🇪🇺",
    "مرحبا، كم السعر؟ <b>شكرا</b>",
    "שלום \u{202b}עולם\u{202c} &nbsp;ok",
    "nul\u{0}inside\u{0}",
    "a &lt;tag&gt; &amp; &quot;quotes&quot; &#39;x&#39; &#x1F600; &nbsp;",
    "line one\nline two\r\nline three<br/>\ttabbed",
    "back\\slash \"quote\" /slash/ \u{8}\u{c}\u{1b}\u{7f}",
    "\u{2028}separator\u{2029} \u{feff}bom \u{fffd} \u{fffe}\u{10ffff}",
    "e\u{301}te\u{301} vs été, ﬁ, Å Å",
    "  leading and trailing spaces  ",
    "https://www.example.test/path?a=1&b=2#frag",
    "null",
    "=SUM(A1:A2),\"x\";'--",
    "日本語のメッセージ 한국어 ไทย हिन्दी",
    "{\"not\":\"json\"}",
    "𝕌𝕟𝕚𝕔𝕠𝕕𝕖 𓀀 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
];

/// The length of the longest body.
pub(super) const MEGABYTE: usize = 1 << 20;

/// Draws a body; about a third are curious ones.
pub(super) fn draw(chance: &mut Chance) -> String {
    match chance.below(20) {
        0..12 => format!("<p>{}</p>", words(chance, 12)),
        12..18 => chance.pick(&CURIOUS).to_owned(),
        18 => format!("<h3>{}</h3><br/>{}", words(chance, 3), words(chance, 40)),
        _ => String::new(),
    }
}

/// Draws up to `most` words.
pub(super) fn words(chance: &mut Chance, most: u64) -> String {
    let mut text = String::with_capacity(most as usize * 8);
    for place in 0..chance.between(1, most) {
        if place > 0 {
            text.push(' ');
        }
        text.push_str(chance.pick(&WORDS));
    }
    text
}

/// A body of a megabyte, with characters of every width so that cuts fall within them.
pub(super) fn megabyte(chance: &mut Chance) -> String {
    let mut text = String::with_capacity(MEGABYTE + 64);
    while text.len() < MEGABYTE {
        text.push_str(chance.pick(&WORDS));
        text.push_str(" é漢🦀\n");
    }
    text
}

/// Draws how a string is spelled in JSON.
pub(super) fn spelling(chance: &mut Chance) -> Spelling {
    match chance.below(8) {
        0..5 => Spelling::Plain,
        5..7 => Spelling::Ascii,
        _ => Spelling::Slashes,
    }
}
