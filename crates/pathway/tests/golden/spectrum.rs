//! Effective dimension.

use pathway::Spectrum;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{Fixture, assert_close, assert_same};

#[test]
fn effective_dimensions() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        for domain in &fixture.domains {
            for group in ["all", "memorized"] {
                let mut spectrum = Spectrum::new(fixture.layers, fixture.experts).unwrap();
                for sample in fixture.group(domain, group) {
                    spectrum.push_sample(fixture.gates(checkpoint, sample)).unwrap();
                }
                for alpha in [0.01, 0.1] {
                    let what = format!("{domain} {group} {alpha} at {checkpoint}");
                    let expected = &fixture.expected["effective_dimension"][domain][group];
                    let expected = &expected[alpha.to_string()][checkpoint];
                    let found = spectrum.d_eff(alpha);
                    for layer in 0..fixture.layers {
                        assert_same(found.lambda[layer], &expected["lam"][layer], &what);
                        assert_close(found.d_eff[layer], &expected["d_eff"][layer], 1e-7, &what);
                    }
                    assert_close(found.mean, &expected["mean"], 1e-7, &what);
                }
            }
        }
    }
}
