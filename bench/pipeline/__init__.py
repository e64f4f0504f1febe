"""From experiments to artifacts: plan the tasks, ensure each, run what is missing."""

from bench.pipeline import budget
from bench.pipeline.execute import Summary, execute
from bench.pipeline.forecast import Forecast, forecast
from bench.pipeline.plan import Task, plan
from bench.pipeline.resolve import Resolver
from bench.pipeline.survey import Step, Survey, look_up, survey

__all__ = [
    "Forecast",
    "Resolver",
    "Step",
    "Summary",
    "Survey",
    "Task",
    "budget",
    "execute",
    "forecast",
    "look_up",
    "plan",
    "survey",
]
