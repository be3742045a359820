//! Text as people write it in a chat, and the places they write it from: as varied as it must be to compress about as
//! well as real chats do (gzip: somewhat more than four to one).

use std::io::Write as _;

use fastrand::Rng;

/// The words of bodies.
const WORDS: &str = "the to a you I is and for we it of that in can do with on have your this our not are if be \
    will what how my an me or need would please thanks know but from at like so there about as could plan see \
    just which when get all was any team one pricing more demo also make send here up data time use want them \
    help let account who has add set they call out email price week then user sure link first no yes today api \
    some after work into does new change month access page their using only page export trial users invoice \
    tomorrow customers question report dashboard contract integration salesforce enterprise security support \
    billing upgrade onboarding webhook calendar meeting currently available possible together question answer \
    between company product however another because different understand experience colleague opportunity \
    documentation implementation configuration authentication notification subscription immediately requirement \
    environment procurement professional infrastructure compliance department größe für straße naïve café \
    señor über déjà façade coöperate 東京 привет";

const CITIES: [(&str, &str, &str, &str, &str, &str, &str); 8] = [
    ("Zürich", "ZH", "CH", "Switzerland", "8001", "47.3769", "8.5417"),
    ("Boston", "MA", "US", "United States", "02110", "42.3601", "-71.0589"),
    ("Berlin", "BE", "DE", "Germany", "10115", "52.52", "13.405"),
    ("São Paulo", "SP", "BR", "Brazil", "01000-000", "-23.5505", "-46.6333"),
    ("London", "ENG", "GB", "United Kingdom", "EC1A 1BB", "51.5074", "-0.1278"),
    ("Austin", "TX", "US", "United States", "73301", "30.2672", "-97.7431"),
    ("Paris", "IDF", "FR", "France", "75001", "48.8566", "2.3522"),
    ("Toronto", "ON", "CA", "Canada", "M5H 2N2", "43.6532", "-79.3832"),
];

const ZONES: [(&str, &str); 4] = [
    ("en-US", "America/New_York"),
    ("de-CH", "Europe/Zurich"),
    ("en-GB", "Europe/London"),
    ("pt-BR", "America/Sao_Paulo"),
];

const PLACES: [&str; 8] =
    ["pricing", "product", "docs/api", "blog/lakes", "customers", "security", "integrations/crm", "demo"];

/// Draws words.
pub struct Words(Vec<&'static str>);

impl Words {
    /// The words of every set.
    pub fn new() -> Self {
        Self(WORDS.split_whitespace().collect())
    }

    /// Appends the body of a message as the inside of a JSON string: an HTML fragment of some words, now and then
    /// with a link.
    pub fn body(&self, chance: &mut Rng, text: &mut Vec<u8>) {
        text.extend_from_slice(b"<p>");
        let count = match chance.u32(0..10) {
            0..3 => chance.usize(2..12),
            3..8 => chance.usize(18..55),
            _ => chance.usize(55..135),
        };
        for number in 0..count {
            if number > 0 {
                text.push(b' ');
            }
            match chance.u32(0..6) {
                // Numbers of orders, versions, links: what no dictionary holds.
                0 => drop(write!(text, "{:x}", chance.u32(..) >> 8)),
                _ => text.extend_from_slice(self.0[chance.usize(0..self.0.len())].as_bytes()),
            }
        }
        if chance.u32(0..6) == 0 {
            let (place, number) = (PLACES[chance.usize(0..8)], chance.u32(..));
            let _ = write!(
                text,
                r#"<br>\n<a href=\"https://www.example.test/{place}?ref={number:x}\">{place}</a>"#
            );
        }
        text.extend_from_slice(b"</p>");
    }

    /// Appends where a visitor was, as a JSON object.
    pub fn context(chance: &mut Rng, text: &mut Vec<u8>) {
        let (city, region, country, name, code, latitude, longitude) = CITIES[skewed(chance, CITIES.len())];
        let (locale, zone) = ZONES[skewed(chance, ZONES.len())];
        let (place, from) = (PLACES[skewed(chance, PLACES.len())], PLACES[chance.usize(0..8)]);
        let (major, minor) = (chance.u32(120..141), chance.u32(0..9000));
        let (one, two, campaign) = (chance.u8(..), chance.u8(..), chance.u16(..));
        let _ = write!(
            text,
            concat!(
                r#"{{"ip":"203.0.{}.{}","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "#,
                r#"(KHTML, like Gecko) Chrome/{}.0.{}.0 Safari/537.36","#,
                r#""href":"https://www.example.test/{}?utm_source=search&utm_campaign={}","title":"Example | {}","#,
                r#""referrer":"https://www.example.test/{}","locale":"{}","timezone":"{}","#,
                r#""location":{{"city":"{}","region":"{}","country":"{}","countryName":"{}","postalCode":"{}","#,
                r#""latitude":{},"longitude":{}}}}}"#
            ),
            one,
            two,
            major,
            minor,
            place,
            campaign,
            place,
            from,
            locale,
            zone,
            city,
            region,
            country,
            name,
            code,
            latitude,
            longitude
        );
    }
}

/// A place below `length`, the first ones most often.
fn skewed(chance: &mut Rng, length: usize) -> usize {
    let draw = chance.f32();
    ((draw * draw * length as f32) as usize).min(length - 1)
}
