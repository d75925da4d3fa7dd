"""The paper's 13 conditions (appendix A.1), as differences from one base run."""

from dataclasses import replace

from ddd_utils.experiments.plans.runs import Network, Plan, Run, step_epochs
from ddd_utils.schema import Architecture, Instances, Variants

EXTRA_EPOCHS = {"plus_1_epoch": 1, "plus_10_epochs": 10}
# Learning rates of the instances as multiples of the base's: .148 to .152 against .1.
RATE_FACTORS = (1.48, 1.49, 1.50, 1.51, 1.52)
ORDER_STEP = 100
REPEATED = {*Instances.model_fields, "half_data"}


def plan(config: Variants) -> Plan:
    """
    List the runs and networks of the paper's experiment.

    Parameters
    ----------
    config : Variants
        The experiment.

    Returns
    -------
    Plan
        About 30 networks; "different data" needs none of its own, it is the two halves compared with each other.
    """
    base = base_run(config)
    once = replace(base, epochs=config.epochs, keep_logits=(config.epochs,), also_running=False)
    runs = [base]
    networks = [Network("base", "base", 1, "base")]
    networks += [Network(name, name, 1, "base", extra) for name, extra in EXTRA_EPOCHS.items()]
    for condition, variants in _variations(config, once).items():
        for instance, run in enumerate(variants, start=1):
            name = f"{condition}_{instance}" if condition in REPEATED else condition
            runs.append(replace(run, file=name))
            networks.append(Network(name, condition, instance, name))
    return Plan(tuple(runs), tuple(networks), config.epochs, base.decay_epochs)


def base_run(config: Variants) -> Run:
    """
    Describe the run behind the base network and its two continuations.

    Parameters
    ----------
    config : Variants
        The experiment.

    Returns
    -------
    Run
        Ten epochs longer than the base; the learning rate falls after a third and two thirds of the base's epochs.
    """
    extra = max(EXTRA_EPOCHS.values())
    return Run(
        file="base",
        epochs=config.epochs + extra,
        decay_epochs=step_epochs(config.epochs),
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        init_seed=config.seed,
        order_seed=config.seed,
        split_seed=config.seed,
        stratified=config.stratified_batches,
        recalibration=config.bn_recalibration,
        also_running=config.bn_recalibration > 0,
        keep_logits=tuple(config.epochs + k for k in (0, *EXTRA_EPOCHS.values())),
        logit_images=config.representation_images,
        **_architecture(config, config.base),
    )


def _architecture(config: Variants, architecture: Architecture) -> dict:
    """Keep the order of images whatever the batch size: a smaller one of its own splits the common batches."""
    splits = 1 if architecture.batch_size is None else -(-config.batch_size // architecture.batch_size)
    return {
        "model": architecture.model,
        "arguments": architecture.arguments,
        "batch_size": config.batch_size,
        "splits": splits,
    }


def _variations(config: Variants, base: Run) -> dict[str, list[Run]]:
    """Say for each condition how its instances differ from the base."""
    count, other = config.instances, _architecture(config, config.other)

    def initialised(k):
        return {"init_seed": base.init_seed + k}

    def paced(k):
        return {"learning_rate": base.learning_rate * RATE_FACTORS[(k - 1) % len(RATE_FACTORS)]}

    def ordered(k):
        return {"order_seed": base.order_seed + ORDER_STEP * k}

    def combined(k):
        return {**other, **initialised(k), **paced(k), **ordered(k), "nesterov": True}

    def instances(number, change):
        return [replace(base, **change(k)) for k in range(1, number + 1)]

    return {
        "optimizer": [replace(base, nesterov=True)],
        "batch_size": [replace(base, splits=2 * base.splits)],
        "initialisation": instances(count.initialisation, initialised),
        "learning_rate": instances(count.learning_rate, paced),
        "cuda_nondeterministic": instances(count.cuda_nondeterministic, lambda k: {"nondeterminism": k}),
        "data_order": instances(count.data_order, ordered),
        "architecture": [replace(base, **other)],
        "half_data": [replace(base, half=half) for half in (0, 1)],
        "combined": instances(count.combined, combined),
    }
