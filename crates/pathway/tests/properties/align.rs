use pathway::{Edit, align};
use proptest::prelude::*;

proptest! {
    #[test]
    fn scripts_turn_one_into_the_other_in_the_fewest_changes(
        first in prop::collection::vec(0_u16..6, 0..12), second in prop::collection::vec(0_u16..6, 0..12),
    ) {
        let script = align(&first, &second).unwrap();
        let (mut from, mut to) = (Vec::new(), Vec::new());
        let mut changes = 0;
        for edit in script {
            match edit {
                Edit::Keep { expert } => {
                    from.push(expert);
                    to.push(expert);
                }
                Edit::Delete { expert } => from.push(expert),
                Edit::Insert { expert } => to.push(expert),
                Edit::Substitute { from: a, to: b } => {
                    prop_assert_ne!(a, b);
                    from.push(a);
                    to.push(b);
                }
            }
            changes += u32::from(!matches!(edit, Edit::Keep { .. }));
        }
        prop_assert_eq!(from, &first[..]);
        prop_assert_eq!(to, &second[..]);
        prop_assert_eq!(changes, levenshtein::distance(&first, &second));
    }
}

#[test]
fn ties_go_to_substitution_then_deletion() {
    let keep = |expert| Edit::Keep { expert };
    assert_eq!(
        align(&[1, 2], &[3, 4]).unwrap(),
        [Edit::Substitute { from: 1, to: 3 }, Edit::Substitute { from: 2, to: 4 }]
    );
    assert_eq!(align(&[1, 1], &[1]).unwrap(), [keep(1), Edit::Delete { expert: 1 }]);
    assert_eq!(
        align(&[1, 2], &[3, 1]).unwrap(),
        [Edit::Substitute { from: 1, to: 3 }, Edit::Substitute { from: 2, to: 1 }]
    );
    assert_eq!(align(&[], &[7]).unwrap(), [Edit::Insert { expert: 7 }]);
    assert_eq!(align(&[], &[]).unwrap(), []);
    assert!(align(&[0; 5000], &[1]).is_err());
}
