//! The shape of the code, checked against the map in the documentation of `src/lib.rs`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

/// Lines of a file in `commands/`, unit tests aside.
const COMMAND_LINES_MAX: usize = 150;

/// Public items of the crate, methods and constants included.
const PUBLIC_ITEMS_MAX: usize = 200;

/// A path from the crate's root: `["run", "store", "RunFile"]`.
type ItemPath = Vec<String>;

/// A source file of the library, without its comments and unit tests.
struct SourceFile {
    /// Relative to the repository.
    name: String,
    module: ItemPath,
    code: String,
}

/// The library, parsed.
struct Library {
    files: Vec<SourceFile>,
    /// The file of each module.
    modules: HashMap<ItemPath, usize>,
    /// Every name that a `use` brings into a module, and the path for which it stands.
    names: HashMap<ItemPath, ItemPath>,
}

/// An import: the file, the path it names, and whether it only re-exports.
struct Import {
    file: usize,
    path: ItemPath,
    reexports: bool,
}

/// Offenders of a rule, each with the words for the message.
type Offenders = BTreeMap<String, String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap();
    path.to_str().unwrap().replace('\\', "/")
}

impl Library {
    /// All tests share one.
    fn get() -> &'static Self {
        static LIBRARY: LazyLock<Library> = LazyLock::new(Library::read);
        &LIBRARY
    }

    fn read() -> Self {
        let mut paths = Vec::new();
        files_below(&root().join("src"), &mut paths);
        let mut library = Self {
            files: Vec::new(),
            modules: HashMap::new(),
            names: HashMap::new(),
        };
        for path in paths {
            let name = relative(&path);
            if name.contains("/tests") || ["src/main.rs", "src/build.rs"].contains(&&*name) {
                continue;
            }
            let code = without_comments_and_tests(&fs::read_to_string(&path).unwrap());
            let module: ItemPath = name
                .trim_start_matches("src/")
                .trim_end_matches(".rs")
                .split('/')
                .filter(|part| !["mod", "lib"].contains(part))
                .map(str::to_owned)
                .collect();
            library.modules.insert(module.clone(), library.files.len());
            library.files.push(SourceFile { name, module, code });
        }
        library.find_names();
        library
    }

    fn find_names(&mut self) {
        let mut names = HashMap::new();
        for file in &self.files {
            for (path, name, _) in used(&file.code) {
                if let Some(path) = self.absolute(&file.module, path) {
                    names.insert([file.module.clone(), vec![name]].concat(), path);
                }
            }
        }
        self.names = names;
    }

    /// The path from the crate's root, if it stays within the crate.
    fn absolute(&self, module: &ItemPath, mut path: ItemPath) -> Option<ItemPath> {
        let mut base = module.clone();
        match path.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                while path.first().is_some_and(|part| part == "super") {
                    base.pop();
                    path.remove(0);
                }
                return Some([base, path].concat());
            }
            child => {
                let child = [base.clone(), vec![child.to_owned()]].concat();
                self.modules.get(&child)?;
                return Some([base, path].concat());
            }
        }
        Some([base, path.split_off(1)].concat())
    }

    /// The file that defines what the path names; re-exports are followed.
    fn file_of(&self, path: &[String]) -> usize {
        let depth = (0..=path.len())
            .rev()
            .find(|&depth| self.modules.contains_key(&path[..depth]))
            .unwrap_or_default();
        if let Some(target) = path.get(..=depth).and_then(|name| self.names.get(name))
            && target[..] != path[..=depth]
        {
            return self.file_of(&[target.clone(), path[depth + 1..].to_vec()].concat());
        }
        self.modules[&path[..depth]]
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (file, SourceFile { module, code, .. }) in self.files.iter().enumerate() {
            let used = used(code).into_iter();
            let used = used.map(|(path, _, reexports)| (path, reexports));
            let inline = inline_paths(code).into_iter().map(|path| (path, false));
            for (path, reexports) in used.chain(inline) {
                if let Some(path) = self.absolute(module, path) {
                    imports.push(Import {
                        file,
                        path,
                        reexports,
                    });
                }
            }
        }
        imports
    }
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

fn without_comments_and_tests(source: &str) -> String {
    let code = regex(r"(?m)^\s*//.*\n| // .*$").replace_all(source, "");
    let unit_tests = regex(
        r"(?m)^#\[cfg\(test\)\]\n(?:#.*\n|#\[\w+\(\n(?:    .*\n)*\)\]\n)*(?:[^{\n]*;\n|(?s:.*?)^\}\n)",
    );
    unit_tests.replace_all(&code, "").into_owned()
}

/// Every path of the `use` items, the name that each gets, and whether the item re-exports.
fn used(code: &str) -> Vec<(ItemPath, String, bool)> {
    let mut found = Vec::new();
    for item in regex(r"(?m)^\s*(pub(?:\([\w ]+\))? )?use ([^;]+);").captures_iter(code) {
        let mut paths = Vec::new();
        let tree = item[2].replace(" as ", "=");
        flatten(&tree.split_whitespace().collect::<String>(), "", &mut paths);
        for path in paths {
            let (path, renamed) = path.split_once('=').unwrap_or((&path, ""));
            let mut path: ItemPath = path.split("::").map(str::to_owned).collect();
            path.retain(|part| part != "*");
            if path.len() > 1 && path[path.len() - 1] == "self" {
                path.pop();
            }
            let last = path[path.len() - 1].clone();
            let name = if renamed.is_empty() {
                last
            } else {
                renamed.to_owned()
            };
            found.push((path, name, item.get(1).is_some()));
        }
    }
    found
}

/// The paths of a use tree without white space: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn flatten(tree: &str, prefix: &str, found: &mut Vec<String>) {
    let Some(open) = tree.find('{') else {
        found.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inner = &tree[open + 1..tree.len() - 1];
    let (mut depth, mut from) = (0, 0);
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                flatten(&inner[from..at], &prefix, found);
                from = at + 1;
            }
            _ => {}
        }
    }
    if from < inner.len() {
        flatten(&inner[from..], &prefix, found);
    }
}

/// Paths within the code that start at the crate's root, at the parent or at a child module.
fn inline_paths(code: &str) -> Vec<ItemPath> {
    let code =
        regex(r"(?m)^\s*(?:pub(?:\([\w ]+\))? )?use [^;]+;|\(in [\w:]+\)").replace_all(code, "");
    let path = regex(r"(?:^|[^\w:.])((?:[a-z]\w*)(?:::\w+)+)");
    path.captures_iter(&code)
        .map(|path| path[1].split("::").map(str::to_owned).collect())
        .collect()
}

/// The modules of the map in `lib.rs`, lowest first: the names at the beginning of each item of the list.
fn map() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let item = regex(r"(?m)^//! \* \[?`(\w+)`\]?:");
    let map: Vec<String> = item
        .captures_iter(&text)
        .map(|item| item[1].to_owned())
        .collect();
    assert!(!map.is_empty(), "src/lib.rs has no list of modules");
    map
}

#[track_caller]
fn check(rule: &str, found: &Offenders) {
    let found: Vec<&String> = found.values().collect();
    assert!(found.is_empty(), "{rule}:\n{found:#?}");
}

#[test]
fn every_module_has_a_place_in_the_map() {
    let library = Library::get();
    let modules: BTreeSet<String> = library
        .modules
        .keys()
        .filter(|module| module.len() == 1)
        .map(|module| module[0].clone())
        .collect();
    let map: Vec<String> = map();
    assert_eq!(map.iter().cloned().collect::<BTreeSet<_>>(), modules);
    assert_eq!(map.len(), modules.len(), "a module is listed twice");
}

#[test]
fn imports_follow_the_order_of_the_map() {
    let library = Library::get();
    let map = map();
    let place = |module: &str| map.iter().position(|name| name == module);
    let mut found = Offenders::new();
    for import in library.imports() {
        let file = &library.files[import.file];
        let target = &library.files[library.file_of(&import.path)];
        if let ([module, ..], [imported, ..]) = (&file.module[..], &target.module[..])
            && place(module) < place(imported)
        {
            let words = format!("{} imports crate::{}", file.name, import.path.join("::"));
            found.insert(format!("{module} -> {imported}"), words);
        }
    }
    check("order", &found);
}

#[test]
fn imports_form_no_cycle() {
    let library = Library::get();
    let mut imported: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); library.files.len()];
    for import in library.imports() {
        if !import.reexports {
            imported[import.file].insert(library.file_of(&import.path));
        }
    }
    let reached: Vec<BTreeSet<usize>> = (0..imported.len())
        .map(|file| reached_from(file, &imported))
        .collect();
    let mut found = Offenders::new();
    for (file, below) in reached.iter().enumerate() {
        let cycle: BTreeSet<usize> = below
            .iter()
            .copied()
            .filter(|&other| other != file && reached[other].contains(&file))
            .chain([file])
            .collect();
        if cycle.len() > 1 && cycle.first() == Some(&file) {
            let name = |file: &usize| library.files[*file].name.clone();
            let words = cycle.iter().map(|file| {
                let imports = imported[*file].intersection(&cycle);
                let imports = imports.filter(|other| *other != file).map(name);
                format!("{} -> {:?}", name(file), imports.collect::<Vec<_>>())
            });
            found.insert(
                cycle.iter().map(name).collect::<Vec<_>>().join(" "),
                words.collect::<Vec<_>>().join("; "),
            );
        }
    }
    check("cycle", &found);
}

/// The files that a file imports, directly or through others.
fn reached_from(file: usize, imported: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        open.extend(imported[file].iter().filter(|&&next| reached.insert(next)));
    }
    reached
}

#[test]
fn a_type_name_is_used_once() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let item = regex(r"(?m)^pub(?:\([\w ]+\))? (?:struct|enum|trait|type) (\w+)");
    for file in &Library::get().files {
        for item in item.captures_iter(&file.code) {
            let places = places.entry(item[1].to_owned()).or_default();
            places.push(file.name.clone());
        }
    }
    let found = places.into_iter().filter(|(_, files)| files.len() > 1);
    check(
        "name",
        &found
            .map(|(name, files)| (name.clone(), format!("{name}: {files:?}")))
            .collect(),
    );
}

#[test]
fn the_methods_of_a_type_stand_in_its_file() {
    let defined = regex(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait) (\w+)");
    // Without those of a type whose bounds have parentheses.
    let methods = regex(r"(?m)^impl(?:<[^({]*?>)? (\w+)(?:<[^{(]*?>)?(?: where[^{]*)? \{");
    let mut found = Offenders::new();
    for file in &Library::get().files {
        let types: BTreeSet<_> = defined
            .captures_iter(&file.code)
            .map(|item| item[1].to_owned())
            .collect();
        for item in methods.captures_iter(&file.code) {
            if !types.contains(&item[1]) && !item[0].contains(" for ") {
                let words = format!("{}: impl {}", file.name, &item[1]);
                found.insert(words.clone(), words);
            }
        }
    }
    check("methods", &found);
}

#[test]
fn only_the_command_line_uses_its_parser() {
    let clap = regex(r"\bclap\b");
    let mut found = Offenders::new();
    for file in &Library::get().files {
        let may_use = ["src/cli/", "src/commands/"].map(|area| file.name.starts_with(area));
        if clap.is_match(&file.code) && !may_use.contains(&true) {
            found.insert(file.name.clone(), format!("{} uses clap", file.name));
        }
    }
    check("parser", &found);
}

#[test]
fn a_command_is_short() {
    let mut found = Offenders::new();
    for file in &Library::get().files {
        let text = fs::read_to_string(root().join(&file.name)).unwrap();
        let lines = text
            .split("#[cfg(test)]\n")
            .next()
            .unwrap_or_default()
            .lines()
            .count();
        if file.name.starts_with("src/commands/") && lines > COMMAND_LINES_MAX {
            found.insert(
                file.name.clone(),
                format!("{} has {lines} lines", file.name),
            );
        }
    }
    check("length", &found);
}

#[test]
fn few_items_are_public() {
    let item = regex(
        r"(?m)^\s*pub (?:const |async )*(?:fn|struct|enum|trait|type|const|static|mod|use)\b",
    );
    let files = &Library::get().files;
    let public: usize = files
        .iter()
        .map(|file| item.find_iter(&file.code).count())
        .sum();
    assert!(
        public <= PUBLIC_ITEMS_MAX,
        "{public} public items: make those that only the crate uses pub(crate)"
    );
}

/// Phrases that hide the verb, personify the code or paraphrase a standard term, as whole words, and questions as
/// documentation.
fn phrases() -> Regex {
    Regex::new(
        r"(?x)
        \b(?:
            there\ is\ no | is\ no(?:\ longer|\ such)?
            | nobody | somebody | anybody | everybody | whoever | no\ one
            | mends? | told\ by | told\ apart | tells?\ apart
            | puts?\ back | put\ (?:it|them|all)\ back
            | in\ vain | for\ good | as\ (?:it|they)\ st(?:ands?|ood)
            | ha(?:s|ve)\ to | of\ (?:ours|theirs) | otherwise\ than
            | side\ by\ side | is\ asked | what\ (?:is|was)\ left | by\ a\ double\ click
        )\b
        | //[/!]\ (?:Who|What|How|Why|Is|Are)\b",
    )
    .unwrap()
}

#[test]
fn phrases_that_hide_the_verb_are_gone() {
    let mut paths = vec![root().join("README.md")];
    files_below(&root().join("src"), &mut paths);
    files_below(&root().join("samples"), &mut paths);
    let phrases = phrases();
    let mut found = Offenders::new();
    for path in paths {
        let name = relative(&path);
        let bytes = fs::read(&path).unwrap();
        for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
            let is_fine =
                |phrase: &str| ["is no longer", "is no such", "there is no"].contains(&phrase);
            if let Some(phrase) = phrases
                .find_iter(line)
                .find(|phrase| !is_fine(phrase.as_str()))
            {
                let words = format!("{name}:{number}: `{}`", phrase.as_str());
                found.entry(area(&name)).or_insert(words);
            }
        }
    }
    check("phrase", &found);
}

/// A directory of `src`, a file of `src`, or a top-level directory or file.
fn area(name: &str) -> String {
    let parts = if name.starts_with("src/") { 2 } else { 1 };
    name.split('/').take(parts).collect::<Vec<_>>().join("/")
}
