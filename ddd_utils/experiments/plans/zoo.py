"""A set of radically different models, each trained once from scratch on the same images."""

from ddd_utils.experiments.plans import model_files
from ddd_utils.experiments.plans.runs import Network, Plan, Run, step_epochs
from ddd_utils.model_sets import Model
from ddd_utils.schema import ModelSet


def plan(config: ModelSet) -> Plan:
    """
    List the runs of a model set.

    Parameters
    ----------
    config : ModelSet
        The models, the images and how to train.

    Returns
    -------
    Plan
        One network a model; its condition is its name.
    """
    runs = tuple(_run(model, config) for model in config.models)
    networks = tuple(
        Network(model.label, model.label, 1, run.file) for model, run in zip(config.models, runs, strict=True)
    )
    return Plan(runs, networks, config.training.epochs, runs[0].decay_epochs)


def _run(model: Model, config: ModelSet) -> Run:
    training = config.training
    return Run(
        file=model_files.trained(model),
        model=model.model,
        arguments=model.arguments,
        epochs=training.epochs,
        batch_size=training.batch_size,
        learning_rate=model.learning_rate,
        weight_decay=training.weight_decay,
        optimizer=model.optimizer,
        decay_epochs=step_epochs(training.epochs),
        init_seed=training.seed,
        order_seed=training.seed,
        keep_logits=(training.epochs,),
        logit_images=training.representation_images,
    )
