"""Router logits to gates: which rule a model's routers follow, and the rule itself (docs/metrics.md#mean-gates)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import GateRuleUnknown

if TYPE_CHECKING:
    import torch

SOFTMAX = "softmax-mean"
SIGMOID = "sigmoid-normalized-mean"

#: The rules, as the metadata `gate_kind` names them.
KINDS = (SOFTMAX, SIGMOID)

# Families (`model_type` of the configuration) by how their routers score tokens, in transformers 5.24. Correction biases,
# groups, renormalization, scaling and a softmax over the selected experts change which experts are taken and how they are
# weighed, not the gates. A bias of the router itself (gpt-oss) is part of its logits.
SOFTMAX_FAMILIES = """
dbrx deepseek_v2 doge ernie4_5_moe ernie4_5_vl_moe_text flex_olmo gpt_oss granitemoe granitemoehybrid granitemoeshared
hunyuan_v1_moe jamba jetmoe longcat_flash minimax mistral4 mixtral olmoe phimoe qwen2_moe qwen3_5_moe_text qwen3_moe
qwen3_next qwen3_omni_moe_text qwen3_vl_moe_text
""".split()
SIGMOID_FAMILIES = """
afmoe axk1 bailing_hybrid deepseek_v3 deepseek_v32 dots1 exaone_moe glm4_moe glm4_moe_lite glm4v_moe_text glm_moe_dsa hy_v3
kimi_k2 kimi_linear laguna lfm2_moe llama4_text mimo_v2_flash minimax_m2 nemotron_h solar_open
""".split()

_BY_SCORE = {"softmax": SOFTMAX, "topk_softmax": SOFTMAX, "sigmoid": SIGMOID}


def kind_of_score(score: Any) -> str | None:
    """The rule for the name of a scoring function, such as the `score_func` of a router; None if it is not known."""
    return _BY_SCORE.get(str(getattr(score, "value", score)).lower())


def kind_of_config(config: Any, given: str | None = None) -> str:
    """The rule of a transformers configuration: what the user gives, or else the family's.

    Raises GateRuleUnknown.
    """
    if given is not None:
        if given not in KINDS:
            raise GateRuleUnknown(f"gate_kind {given!r} is not known. Give {' or '.join(KINDS)}.")
        return given
    family = getattr(config, "model_type", None)
    if family in SIGMOID_FAMILIES:
        return SIGMOID
    if family in SOFTMAX_FAMILIES:
        return SOFTMAX
    by_score = kind_of_score(getattr(config, "scoring_func", None))
    if by_score is not None:
        return by_score
    where = f"transformers' modeling_{family}.py" if family else "the code of its router"
    raise GateRuleUnknown(
        f"{family or 'This model'}: whether its routers score by softmax or by sigmoid is not known here. Look it up in "
        f"{where} and give gate_kind (--gate-kind) {' or '.join(KINDS)}."
    )


def gates_of(values: torch.Tensor, kind: str, are_scores: bool = False) -> torch.Tensor:
    """Gates of tokens, [tokens, E], in float32, which is the precision of the reference.

    `values` are router logits, or with `are_scores` what the scoring function made of them.
    """
    values = values.float()
    if kind == SIGMOID:
        scores = values if are_scores else values.sigmoid()
        return scores / scores.sum(-1, keepdim=True)
    return values if are_scores else values.softmax(-1)
