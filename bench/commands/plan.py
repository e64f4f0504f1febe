"""`bench plan`: what a run would do."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.commands import common
from bench.pipeline import Task, plan
from bench.stages import STAGES


@click.command("plan")
@common.grid_options
def command(file: Path, changes: common.Changes, runner: str, store_path: Path) -> None:
    """Show what `bench run FILE` would do: which stages are done, which are to do.

    \b
    Examples:
      bench plan experiments/quick.toml
    """
    grid, experiments = common.load_experiments(file, changes)
    resolver = common.open_resolver(store_path, common.choose_runner(runner, store_path))
    tasks = plan(common.all_points(grid, experiments))
    present = resolver.present(tasks)
    table = Table(title=f"Grid '{grid.name}': {len(experiments)} experiments", title_justify="left")
    for heading in ("stage", "environment", "done", "to do", "what it does"):
        table.add_column(heading, justify="right" if heading in ("done", "to do") else "left")
    for stage in STAGES:
        own = [task for task in tasks if task.stage is stage]
        done = sum(1 for task in own if task.id in present)
        table.add_row(stage.name, stage.environment, str(done), str(len(own) - done), stage.summary)
    console = Console()
    console.print(table)
    for task in tasks:
        console.print(
            _line(task, task.id in present, resolver.lacks(task)), highlight=False, soft_wrap=True
        )


def _line(task: Task, done: bool, lack: str) -> str:
    state = "[green]done [/]" if done else "[yellow]to do[/]"
    if lack:
        return f"[dim]skip [/] {task.stage.name:8} {task.name}  ({lack})"
    serves = f"  (serves {len(task.serves)} experiments)" if len(task.serves) > 1 else ""
    return f"{state} {task.stage.name:8} {task.name}{serves}"
