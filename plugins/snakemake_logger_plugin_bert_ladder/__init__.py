"""A calm terminal for Snakemake: a bar for the study, a line per job, and no more (`snakemake --logger=bert-ladder`).

Every Snakemake of the environment imports this package when it starts, in jobs too: what it shows with is imported only
where it is asked for. It imports nothing of `bert_ladder`, so that each copy of the workflow runs its own code.
"""

from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase


class LogHandler(LogHandlerBase):
    """Shows a run on the error stream, a dry run on the standard output, as Snakemake itself does."""

    def __post_init__(self) -> None:
        from snakemake_logger_plugin_bert_ladder.screen import screen_of

        self.screen = screen_of(self.common_settings)

    def emit(self, record: LogRecord) -> None:
        """Show what a record means; with --verbose or --debug-dag all others too, in Snakemake's own words."""
        try:
            shown = self.screen.hear(record)
            if not shown and (self.common_settings.verbose or self.common_settings.debug_dag):
                self.screen.say(self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Give the terminal back."""
        self.screen.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return False

    @property
    def has_formatter(self) -> bool:
        return False

    @property
    def needs_rulegraph(self) -> bool:
        return False
