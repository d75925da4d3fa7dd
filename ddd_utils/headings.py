"""What people call the columns of their tables."""

import re
from collections.abc import Iterable, Sequence

ROLES = {
    "model": "model_name model_id network net arch architecture classifier observer",
    "image": "image_id imageid image_name image_path image_file imagename img img_id img_name filename file_name file "
    "filepath file_path path id name sample sample_id stimulus example question_id item item_id doc_id",
    "prediction": "predicted pred preds predicted_class predicted_label pred_class pred_label prediction_label "
    "model_prediction answer response model_response y_pred yhat y_hat argmax top1_pred top_1",
    "label": "labels class class_name class_id category target targets truth true true_class true_label ground_truth "
    "groundtruth gt gt_label actual y y_true wnid synset expected correct_label",
    "correct": "is_correct iscorrect was_correct correctness is_right right hit top1_correct correct_top1 acc "
    "exact_match",
}
# What may stand beside the answers of a model.
BESIDE = {
    "probability": "prob probs confidence conf softmax pred_prob predicted_probability prediction_probability "
    "top1_prob max_prob",
    "margin": "prob_margin probability_margin top1_margin",
    "probability_label": "label_probability prob_label label_prob p_label probability_true true_probability prob_true "
    "true_prob p_true target_probability target_prob true_class_probability",
}
NAMES = {role: (role, *others.split()) for role, others in {**ROLES, **BESIDE}.items()}


def plain(heading: str) -> str:
    """Write a heading as the names here are: `` Predicted Class`` is ``predicted_class``."""
    return re.sub(r"[\s.-]+", "_", heading.strip().casefold())


def exact(role: str, headings: Sequence[str]) -> list[int]:
    """Find the columns that are called as their role is, in whatever letters."""
    return [index for index, heading in enumerate(headings) if plain(heading) == role]


def candidates(role: str, headings: Sequence[str]) -> list[int]:
    """Find the columns with a role: by its own name, else by what else it may be called."""
    others = [index for index, heading in enumerate(headings) if plain(heading) in NAMES[role]]
    return exact(role, headings) or others


def parted(heading: str, roles: Iterable[str]) -> tuple[str, str]:
    """Part "resnet50_prob", or "Prob resnet50", into the model and the role of what stands there; "" is none."""
    name = plain(heading)
    known = [(called, role) for role in roles for called in NAMES[role]]
    # The longest first: "resnet50_label_probability" says nothing of a "resnet50_label".
    for called, role in sorted(known, key=lambda each: len(each[0]), reverse=True):
        if found := re.fullmatch(f"(?:(.+)_)?{called}|{called}_(.+)", name):
            return found[1] or found[2] or "", role
    return name, ""
