//! The simulated disk is itself as bad as it promises, and no worse.

use std::path::Path;

use bytes::Bytes;

use super::{Kept, Tree};

fn written(tree: &mut Tree, path: &str) {
    let id = tree.write(Path::new(path), Bytes::from_static(b"whole")).unwrap();
    tree.sync(id, false);
}

fn names(tree: &Tree) -> Vec<String> {
    tree.files(Path::new("/")).unwrap().into_iter().map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn a_power_loss_forgets_exactly_what_was_not_synced() {
    let mut tree = Tree::default();
    tree.create_folder(Path::new("/a")).unwrap();
    written(&mut tree, "/a/kept");
    tree.sync_folder(Path::new("/a"), false).unwrap();
    tree.sync_folder(Path::new("/"), false).unwrap();
    written(&mut tree, "/a/new");
    tree.rename(Path::new("/a/kept"), Path::new("/a/moved")).unwrap();
    assert_eq!(names(&tree), ["a/moved", "a/new"]);
    tree.lose_power(&mut Kept::Nothing);
    assert_eq!(names(&tree), ["a/kept"]);
    let kept = tree.find(Path::new("/a/kept")).unwrap().unwrap();
    assert_eq!(tree.bytes(kept).unwrap(), &Bytes::from_static(b"whole"));
}

#[test]
fn a_folder_whose_name_was_not_synced_takes_its_files_with_it() {
    let mut tree = Tree::default();
    tree.create_folder(Path::new("/a")).unwrap();
    written(&mut tree, "/a/x");
    tree.sync_folder(Path::new("/a"), false).unwrap();
    tree.lose_power(&mut Kept::Nothing);
    assert!(names(&tree).is_empty());
}

#[test]
fn bytes_that_were_not_synced_come_back_in_every_bad_form() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let mut tree = Tree::default();
        tree.write(Path::new("/x"), Bytes::from_static(b"abcd")).unwrap();
        tree.lose_power(&mut Kept::Some(fastrand::Rng::with_seed(seed)));
        let found = tree.find(Path::new("/x")).unwrap();
        seen.insert(found.map(|id| tree.bytes(id).unwrap().clone()));
    }
    let forms = [None, Some(&b""[..]), Some(b"\0\0\0\0"), Some(b"ab"), Some(b"abcd")];
    assert_eq!(seen.len(), forms.len());
    assert!(forms.iter().all(|form| seen.contains(&form.map(Bytes::copy_from_slice))), "{seen:?}");
}
