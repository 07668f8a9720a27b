//! A corpus of files in every encoding, generated from a seed: the share that is read correctly, and the certain
//! guesses.

use encoding_rs::{IBM866, KOI8_R, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};
use proptest::{
    prelude::RngExt as _,
    test_runner::{RngAlgorithm, TestRng},
};

use super::super::text::{encoding, languages};
use super::*;

/// A language: its names, which are not in the model of letters, and comments.
struct Language {
    encodings: &'static [&'static encoding_rs::Encoding],
    names: &'static str,
    comments: [&'static str; 3],
}

const WEST: &[&encoding_rs::Encoding] = &[WINDOWS_1252, MACINTOSH];
const CENTRAL: &[&encoding_rs::Encoding] = &[WINDOWS_1250];
const CYRILLIC: &[&encoding_rs::Encoding] = &[WINDOWS_1251, KOI8_R, IBM866];

const ENCODINGS: [&encoding_rs::Encoding; 6] = [
    WINDOWS_1252,
    WINDOWS_1251,
    WINDOWS_1250,
    KOI8_R,
    IBM866,
    MACINTOSH,
];

const LANGUAGES: [Language; 13] = [
    Language {
        encodings: WEST,
        names: "Jaén Berríos Bolaños reunión Cerdán Gárate Goñi situación Peñalver teoría Cándido quizá España \
            Débora señaló Baró Jáuregui Bayón Villagómez Blázquez época Larrañaga Córdova Bernabé análisis \
            Cañada Marroquín Bárcena afirmó campaña Casárez Asunción Jordán niños Bermúdez Águeda Simón \
            Cañizares próximo Cabán Bauzà Verdú Falcó Quiñones",
        comments: [
            "llamar después, es la dueña",
            "envió el número mañana",
            "cliente de Ávila",
        ],
    },
    Language {
        encodings: WEST,
        names: "Malávi Théo Tristão Mértola Rúben Benício Mônaco Moldávia Lívia Adão Eucarístico Maurícia \
            Eslováquia Sertã Mónaco Póvoa Almodôvar Públia Núria Líbano Bonjóia Heróis Quênia Cacém \
            Antárctida Amália Barém Roménia Sodré Setúbal Sidónio Alijó Águeda Panamá Ísis Tágides Caiçaras \
            Árabes Sumaré Territórios",
        comments: [
            "não atende à tarde",
            "ligação amanhã, é o irmão",
            "endereço em São Luís",
        ],
    },
    Language {
        encodings: WEST,
        names: "goût pièce poésie Hervé Vendée Arménie Dorothée Édith sérieux Adélaïde différent défaut beauté \
            Chrétien témoin désigner chaîne désirer traîner énergie République auprès Côte Côtes pitié \
            Biélorussie Calédonie intéresser véritable journée vêtir étroit fenêtre nécessaire répondre \
            française poète émotion Comté Frédérique médecin décider espérer fédérés",
        comments: [
            "déjà rappelé, très pressé",
            "adresse à vérifier",
            "préfère être appelé après midi",
        ],
    },
    Language {
        encodings: WEST,
        names: "Bräuer Bösch Hüseyin Stückler Thaddäus Römer Schmölln Köll Görlitz Bärnbach Altötting Lübben \
            Lörrach Kössler nächste Hansjürgen Hütter Eckernförde Meißen natürlich Gönül dafür Neuschäfer \
            Nußbaumer Pölitz Vöcklabruck Fürstenfeld draußen Trüb Wähner Bürger Türkan Geißler Klötze \
            Güssing Nördlingen Matthäi Käthi plötzlich Gülten Pößneck Hohenmölsen Höfig Böblingen",
        comments: [
            "möchte später zurückrufen",
            "größere Stückzahl für Köln",
            "Übergabe in der Gästestraße",
        ],
    },
    Language {
        encodings: WEST,
        names: "perciò realtà pietà autorità Berrè poiché Montà Giaquì Libià Pattì Barcè Dalmatà Sanità Zuccalà \
            Calabrò Mannarà Bonardì Mirtò Scibè Nardò Viganò Cirò Patanè Laganà Calì Condrò Scirè Rodà \
            Morabitò Arcà",
        comments: [
            "chiamerà lunedì perché è in città",
            "sarà così più tardi",
            "già cliente, però",
        ],
    },
    Language {
        encodings: WEST,
        names: "Sjölander Rumänien Helén Wahlström Lönn Gävleborgs Sköld Ågren Edström Månsson Värmlands Sjölin \
            Therése Bergström Östersund Iréne Gävle Höglund Dahlén Thorén Lidén Östtimor Fagerström Göte \
            Österberg Södergren Östman Trollhättan Öhman Ängs Häggström Norfolkön Trädgårds Söderholm \
            Wikström Nyköping",
        comments: [
            "återkommer på måndag",
            "vill köpa två båtar",
            "frågar när det är färdigt",
        ],
    },
    Language {
        encodings: WEST,
        names: "Prøvestens Rødekro oversætte Ørum Præstemarks Grønjords lænke Smørum Keldsø Brædstrup Ægina \
            Tjæreby Tjæreborg Tøjhus Fyrtårn Åbjerg spænding Bådsmands ifølge Blytækker Bregnerød nævne \
            måle Rådvads måler Højbo Elværks sjøen Sorø Strøby Rømø Søndervold Møgeltønder Tryggevælde \
            brændstof sædvanlig Nørager Holbæk Askø hjælpe Hovedgård Trøjborg Küchlers Torbjørn Gørløse",
        comments: [
            "ringer på lørdag",
            "ønsker større æsker",
            "spørger når båden er færdig",
        ],
    },
    Language {
        encodings: CENTRAL,
        names: "Wójtowicz Famuła dzięki Kuryś Antoń pieśń wyjście Zimoń Wesoła Romańczyk kupić Działa płakać \
            Pałac kierować Stypuła wróg Plażowa Działo słaby Dzierżoniów cień Kędziorek grób Kołobrzeg \
            plemię sygnał Włocławek ósmy Ciemięga tłumaczyć południe Czerwiński Płock dawać Miłosza \
            Łabędzia pojechać dwadzieścia strój Małyszek gardło Wałek Kaziród kupować",
        comments: [
            "proszę zadzwonić później",
            "był już w środę",
            "chce większą łódź",
        ],
    },
    Language {
        encodings: CENTRAL,
        names: "Klimková Ôsma Borinská zemědělský Doubická Továrenská shromáždění Dubá Ratkovská Slovenská \
            přátelství Ekvádor zbylý Dlhoňa Agáta Pečnianska Jurča Socháňova Dneperská Rosná Avarská \
            Slatiňany Harvanová potřebný Ďarmoty Kramár Lovčenská zranění zmínit Slivková Močenok zoufalý \
            Holubeková určit výnos usmívat Pečeňady Kubíčková Kaniaková Klincová povolení nádherný \
            Podhradská Somolického Baranová",
        comments: [
            "přijde příští týden",
            "chtěl by větší loď",
            "už volal, děkuje",
        ],
    },
    Language {
        encodings: CENTRAL,
        names: "mátra alsó egyházas márton Finnország Kaposvár Borbély Irán Svájc Lukács Soós Csehország Ghána \
            Kajmán békés Petőfi Szaúdi Ottó Egyenlítői Antillák vára Területek Teréz Kína Róbert Rózsa \
            Jázmin Szentszék Argentína Barnabás Királyság Maldív Gréta Szlovénia Tunézia Kongó apáti \
            Indonézia Kazahsztán Szilágyi Máté Egyesült Ádám",
        comments: [
            "később visszahív",
            "kérte az új címét",
            "hétfőn jön az üzletbe",
        ],
    },
    Language {
        encodings: CENTRAL,
        names: "Ionică Mădălin Stănescu Lazăr Năsăud Cătălina Sălaj Gică Hunedoară Crăciun Bălan Ciobotă \
            Mânzatu Gâlcă Pârvan Râmnicu Bârlad Făgăraş Sighişoara Ţuţea Ciucă Bucătaru Văcaru Olăneşti \
            Chişinău",
        comments: [
            "sună mâine după masă",
            "vrea încă o comandă",
            "înapoi în două zile",
        ],
    },
    Language {
        encodings: CYRILLIC,
        names: "факультет Гончарова Корея Кононова носок Иванна Касимов Кулаков Моисей Беломорск Ельня Голубев \
            Уренгой Алания Витальевич Вера Майкоп Габон Чехов Кемеровская Любомир Ананий Кедровая Кипр \
            командир полевой кузнец Носов Дивногорск Киржач Коломна Алексин Дагомыс Проезжая Школьная \
            нажать Филимон Магадан Албания Сибай Карелия Евдокимова Ааронович мелькнуть",
        comments: [
            "просит перезвонить вечером",
            "постоянный покупатель",
            "ещё не заплатил",
        ],
    },
    Language {
        encodings: &[WINDOWS_1251],
        names: "Дніпрорудне Власюк Миргород Семенівка передо Французький Хутірська Августин Дігтярна Левко \
            Коновалова Ключовий Арсен Антонівна Вокзальна Біхарі Девдюк теорія Прохорович Могилів Артим \
            Дубляни Хрестівка Хрустальний колектив невеличка Кавунова Гунько Дубас Гамбія Кибкало янець \
            Березань Макар Франція правильний Лінія Дашенко Цимбал Косовський слати Проїзний Устимівна \
            Туркало",
        comments: [
            "просить зателефонувати ввечері",
            "постійний покупець",
            "ще не сплатив",
        ],
    },
];

/// Text that is ASCII except for punctuation, symbols and a few letters.
const SIGNS: [&str; 36] = [
    "D’angelo",
    "O’Brien Ltd",
    "it’s ok",
    "the “best” one",
    "“Ace” Smith",
    "Berlin – Madrid",
    "10–12 am",
    "wait…",
    "call… later",
    "£500 due",
    "pay £5",
    "© Acme",
    "«Firm»",
    "the «Firm» Ltd",
    "flat №5",
    "№ 12",
    "Anna\u{a0}Lee",
    "5\u{a0}km",
    "Håkan",
    "Kjær",
    "Søren",
    "José",
    "Muñoz",
    "Müller",
    "Bob – friend",
    "James’ car",
    "Åse",
    "Øst",
    "Élise",
    "Spencer & “Co”",
    "price: £20",
    "Tel №7",
    "don’t call",
    "Zoé – VIP",
    "Peña’s “Bar”",
    "Bjørn…",
];

#[derive(Default)]
struct Guesses {
    right: usize,
    right_and_uncertain: Vec<String>,
    wrong: Vec<String>,
    wrong_and_sure: Vec<String>,
}

impl Guesses {
    fn add(&mut self, text: &str, bytes: &[u8]) {
        let found = encoding::detect(bytes, &|_| 0).unwrap();
        let (read, _) = found.encoding.decode_with_bom_removal(bytes);
        let guess = format!("{} for {text}", found.encoding.name());
        let list = match (read == text, found.rival.is_some()) {
            (true, false) => return self.right += 1,
            (true, true) => &mut self.right_and_uncertain,
            (false, true) => &mut self.wrong,
            (false, false) => &mut self.wrong_and_sure,
        };
        list.push(guess);
    }
}

/// Rows of a file with at least three non-ASCII letters.
fn rows_of(language: &Language, rng: &mut TestRng) -> Vec<String> {
    let names: Vec<&str> = language.names.split(' ').collect();
    let mut pick = || names[rng.random_range(0..names.len())];
    let pairs: Vec<[&str; 2]> = (0..10).map(|_| [pick(), pick()]).collect();
    let rows = rng.random_range(2..10);
    let row = |[first, last]: &[&str; 2], rng: &mut TestRng| {
        let comment = language.comments[rng.random_range(0..3)];
        match rng.random_range(0..4) {
            0 => format!("{first},{comment}"),
            1 => format!("{} {last},", first.to_uppercase()),
            2 => format!("Max {last},{comment}"),
            _ => format!("{first} {last},"),
        }
    };
    pairs[..rows].iter().map(|pair| row(pair, rng)).collect()
}

fn file_of(rows: &[String]) -> String {
    let mut text = "id,phone,name,comment\r\n".to_owned();
    for (id, row) in rows.iter().enumerate() {
        let _ = write!(text, "{id},+4930123{id},{row}\r\n");
    }
    text
}

#[test]
fn nearly_every_file_of_the_corpus_is_read_right_and_no_wrong_guess_is_called_sure() {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut guesses = Guesses::default();
    let mut files = 0;
    while files < 2000 {
        let encoding = ENCODINGS[rng.random_range(0..ENCODINGS.len())];
        let speaks = |language: &&Language| language.encodings.contains(&encoding);
        let languages: Vec<&Language> = LANGUAGES.iter().filter(speaks).collect();
        let language = languages[rng.random_range(0..languages.len())];
        let mut rows = rows_of(language, &mut rng);
        if rng.random_range(0..5) == 0 {
            let count = rng.random_range(1..4);
            let mut sign = || SIGNS[rng.random_range(0..SIGNS.len())].to_owned() + ",";
            rows = (0..count).map(|_| sign()).collect();
        }
        let text = file_of(&rows);
        let (bytes, _, has_misfits) = encoding.encode(&text);
        if has_misfits {
            continue;
        }
        files += 1;
        let units = || text.encode_utf16().flat_map(u16::to_le_bytes);
        match rng.random_range(0..16) {
            0 => {
                let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units()).collect();
                guesses.add(&text, &bytes);
            }
            1 => {
                let bytes: Vec<u8> = units().collect();
                guesses.add(&text, &bytes);
            }
            _ => guesses.add(&text, &bytes),
        }
    }
    let Guesses {
        right,
        right_and_uncertain,
        wrong,
        wrong_and_sure,
    } = guesses;
    assert!(wrong_and_sure.is_empty(), "{wrong_and_sure:#?}");
    assert!(wrong.len() * 100 <= 2 * 2000, "{wrong:#?}");
    let all_right = right + right_and_uncertain.len();
    assert!(
        right_and_uncertain.len() * 100 <= 5 * all_right,
        "{right_and_uncertain:#?}"
    );
    assert_eq!(all_right + wrong.len(), 2000);
}

#[test]
fn the_corpus_has_names_that_the_model_of_letters_does_not_know() {
    let words: Vec<String> = languages::WORDS
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    for name in LANGUAGES
        .iter()
        .flat_map(|language| language.names.split(' '))
    {
        assert!(!words.contains(&name.to_lowercase()), "{name}");
    }
}
