"""What people call the columns of their tables, and the line that tells how to convert one that cannot be read."""

import re
from collections.abc import Sequence

from ddd_utils.errors import InputError

ROLES = {
    "model": "model_name model_id network net arch architecture classifier observer",
    "image": "image_id imageid image_name image_path image_file imagename img img_id img_name filename file_name file "
    "filepath file_path path id name sample sample_id stimulus example",
    "prediction": "predicted pred preds predicted_class predicted_label pred_class pred_label prediction_label "
    "model_prediction answer response model_response y_pred yhat y_hat argmax top1_pred top_1",
    "label": "labels class class_name class_id category target targets truth true true_class true_label ground_truth "
    "groundtruth gt gt_label actual y y_true wnid synset expected correct_label",
    "correct": "is_correct iscorrect was_correct correctness is_right right hit top1_correct correct_top1",
}
NAMES = {role: (role, *others.split()) for role, others in ROLES.items()}


def plain(heading: str) -> str:
    """Write a heading as the names here are: `` Predicted Class`` is ``predicted_class``."""
    return re.sub(r"[\s.-]+", "_", heading.strip().casefold())


def find(role: str, headings: Sequence[str], where: object) -> int | None:
    """Find the column with a role: by its own name, else by what else it may be called, of which there must be one."""
    names = [plain(heading) for heading in headings]
    for meant in ([role], NAMES[role]):
        found = [index for index, name in enumerate(names) if name in meant]
        if len(found) > 1:
            several = [f"'{headings[index].strip()}'" for index in found]
            if len({names[index] for index in found}) == 1:
                raise InputError(f"{where}: there are {len(found)} columns {several[0]}")
            raise InputError(f"{where}: any of {', '.join(several)} may be '{role}': call one of them so")
        if found:
            return found[0]
    return None
