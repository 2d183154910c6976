"""WebDataset: samples from tar shards, in a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from operator import index
from typing import Any

from ...random import Generator
from ..collate import default_collate
from ..iterable import IterableDataset
from ..loading import current_loading
from ..picture import check_on_error
from ..problems import Problem, Problems
from . import stages
from .counting import count_samples
from .decoding import PICTURES, Handler, PictureDecoder
from .patterns import Shards, shard_names
from .reading import Reading
from .shard import read_samples
from .sharing import Reader, rank_and_world_size

__all__ = ["WebDataset"]

_PICTURE_AND_CLASS = (";".join(PICTURES), "cls")


class WebDataset(IterableDataset[Any]):
    """Samples from tar shards, which are read from their beginning to their end.

    Members of a tar that differ only in the ends of their names, such as ``n01440764_10026.jpg`` and
    ``n01440764_10026.cls``, are a sample. With ``transform`` or ``fields``, samples are tuples::

        train = WebDataset("imagenet1k-train-{0000..1023}.tar", shuffle=5000, transform=augment)

    Otherwise they are dicts of bytes, and methods say what becomes of them, as in the library
    ``webdataset``. Each method gives a new dataset::

        train = (
            WebDataset("imagenet1k-train-{0000..1023}.tar", shardshuffle=True)
            .shuffle(5000).decode("pil").to_tuple("jpg;png", "cls").map_tuple(augment)
        )

    All readers together, which are the workers of the loaders of all programs that train together
    (:func:`rank_and_world_size`), read each sample once in an epoch. Each shard is read by one of
    them, or by several that share its samples if there are more readers than shards. So programs may
    get different numbers of samples; where all have to take equally many steps, use
    :meth:`with_epoch`.

    Args:
        shards: paths of tars, which may be compressed by gzip: a pattern with braces
            (:func:`expand_braces`), a path, or a list of these.
        fields: what is in a sample, each by the end of its name, or by several ends of which the
            first that is there counts: ``("jpg;png", "json")`` or ``"jpg;png json"``. What is picked
            is decoded, pictures to PIL images. With a transform alone it is a picture and its ``cls``.
        transform: called with the first field of each sample.
        target_transform: called with the second.
        shuffle: how many samples are kept, undecoded, to draw the next one from.
        shardshuffle: take the shards in a new random order each epoch; the default is whether there
            is a buffer. The order is of all shards, so a number, as in ``webdataset``, means True.
        seed: decides, with the epoch, the order. It must be the same in all programs.
        on_error: what happens with a broken shard or sample: ``"raise"`` an error that names it,
            ``"skip"`` it with one warning for all at the end of the epoch, or ``"warn"`` of each. A
            loader counts those left out in ``DataLoader.skipped``.

    Attributes:
        shards: names of all shards.
        problems: what this process left out so far.

    Raises:
        ValueError: if there is no shard, or one is a command or the address of a server.

    Samples are those of ``webdataset`` 1.0, without ``"__local_path__"``. These things differ:

    - The order depends on ``seed`` and the epoch alone: the epoch of the loader, else the number of
      iterations before (:meth:`set_epoch`).
    - Shards are shared out among ranks, too, after they are shuffled, and readers without a shard of
      their own share one.
    - ``on_error`` takes the place of handlers. Errors in functions that are called with samples are
      always raised.
    - ``pipe:`` is refused, as are members that are pickled: nothing runs code from a file.
    - Hidden files, such as ``._0001.jpg`` from macOS, are not part of samples.
    - Patterns in a list are expanded.
    """

    def __init__(
        self,
        shards: Shards,
        *,
        fields: str | Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        shuffle: int = 0,
        shardshuffle: bool | int | None = None,
        seed: int = 0,
        on_error: str = "raise",
    ) -> None:
        check_on_error(on_error)
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed must be from 0 to 2**64 - 1, got {seed}")
        if shuffle is True or shuffle < 0:  # of a DataLoader it is True
            raise ValueError(f"shuffle is how many samples to draw from, as 5000, got {shuffle}")
        self.shards = shard_names(shards)
        self.seed, self.on_error = seed, on_error
        self.shardshuffle = bool(shuffle if shardshuffle is None else shardshuffle)
        self._stages: list[stages.Stage] = []
        self._repetitions: int | None = 1  # None: without end
        self._longest: int | None = None  # samples in an epoch
        self._epoch = 0
        self._known: dict[str, str] = {}  # what is broken: the reason by the place
        self._rank: tuple[int, int] | None = None  # and the world size, in a worker process
        if shuffle:
            self._append(stages.shuffle, size=shuffle, initial=min(shuffle, 100))
        if fields is not None or transform is not None or target_transform is not None:
            fields = fields or _PICTURE_AND_CLASS
            fields = fields.split() if isinstance(fields, str) else fields
            ends = frozenset(end for field in fields for end in field.split(";"))
            self._append(stages.decode, handlers=(PictureDecoder("pil"),), only=ends)
            self._append(stages.to_tuple, fields=fields)
            self._append(stages.map_tuple, functions=(transform, target_transform))

    @property
    def problems(self) -> Problems:
        """What was left out so far by iterations in this process."""
        return Problems([Problem(*item) for item in self._known.items()])

    # --------------------------------------------------------------------------- what samples are

    def decode(
        self, *handlers: str | Handler, only: str | Sequence[str] | None = None
    ) -> WebDataset:
        """Decodes the members of samples.

        Text (``txt``), classes (``cls``), ``json`` and arrays (``npy``) are decoded always; what is
        unknown stays bytes.

        Args:
            handlers: what pictures become, as :class:`PictureDecoder` says, such as ``"pil"`` or
                ``"rgb8"``; or functions that are called with the end of a name, such as
                ``".seg.png"``, and the bytes, and return None if it is not theirs.
            only: ends of the members to decode, in a list or separated by spaces.
        """
        ends = only.split() if isinstance(only, str) else only
        return self._with(
            stages.decode,
            handlers=tuple(PictureDecoder(h) if isinstance(h, str) else h for h in handlers),
            only=None if ends is None else frozenset(ends),
        )

    def to_tuple(self, *fields: str | Sequence[str]) -> WebDataset:
        """Makes tuples of members: ``to_tuple("jpg;png", "cls")``, or both in one string."""
        if len(fields) == 1 and isinstance(fields[0], str):
            fields = tuple(fields[0].split())
        return self._with(stages.to_tuple, fields=fields)

    def map(self, function: Callable[[Any], Any]) -> WebDataset:
        """Replaces each sample; those that become None are left out."""
        return self._with(stages.map_samples, function=function)

    def map_dict(self, **functions: Callable[[Any], Any]) -> WebDataset:
        """Replaces members of samples that are dicts: ``map_dict(jpg=augment)``."""
        return self._with(stages.map_dict, functions=functions)

    def map_tuple(self, *functions: Callable[[Any], Any] | None) -> WebDataset:
        """Replaces the items of samples that are tuples; None leaves an item as it is."""
        return self._with(stages.map_tuple, functions=functions)

    def select(self, predicate: Callable[[Any], bool]) -> WebDataset:
        """Leaves out the samples for which ``predicate`` is false."""
        return self._with(stages.select, predicate=predicate)

    def shuffle(self, size: int, initial: int = 100) -> WebDataset:
        """Takes the next sample at random from ``size`` of them, at the beginning of ``initial``."""
        if size < 1:
            return self
        return self._with(stages.shuffle, size=size, initial=min(size, initial))

    def batched(
        self,
        batchsize: int,
        collation_fn: Callable[[list[Any]], Any] | None = default_collate,
        partial: bool = True,
    ) -> WebDataset:
        """Joins samples, for a loader with ``batch_size=None``.

        Args:
            batchsize: samples in a batch.
            collation_fn: joins them: :func:`default_collate`, where ``webdataset`` makes arrays; None
                gives lists.
            partial: whether the last batch may be smaller.
        """
        if batchsize < 1:
            raise ValueError(f"batchsize must be positive, got {batchsize}")
        collate = list if collation_fn is None else collation_fn
        return self._with(stages.batch, size=batchsize, collate=collate, partial=partial)

    # ------------------------------------------------------------------------ how many there are

    def with_epoch(self, samples: int) -> WebDataset:
        """Makes epochs of so many samples in each worker; at their end the shards begin again."""
        result = self.repeat()
        result._longest = index(samples)
        if samples < 1:
            raise ValueError(f"an epoch must have at least one sample, got {samples}")
        return result

    def repeat(self, times: int | None = None) -> WebDataset:
        """Goes through the shards so many times in an epoch, or without end."""
        result = self._copy()
        result._repetitions, result._longest = times, None
        return result

    def with_length(self, samples: int | None = None) -> WebDataset:
        """Gives the dataset a length, for ``len``.

        Args:
            samples: what this program gets in an epoch. When left out, the samples in all shards are
                counted (:func:`count_samples`) and divided by the number of programs that train
                together.
        """
        result = self._copy()
        result.__class__ = _WithLength
        if samples is None:
            _, world_size = self._program()
            samples = -(-count_samples(self.shards) // world_size)
        result._length = samples  # type: ignore[attr-defined]
        return result

    # ------------------------------------------------------------------------------- the iteration

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next iteration; in a loader, the loader's epoch counts."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        loading = current_loading()
        if loading is None:
            epoch, self._epoch = self._epoch, self._epoch + 1
        else:
            epoch = loading.epoch
        reader = Reader.current(*self._program())
        reading = Reading(self.on_error, self._known, loading)
        yield from islice(self._repeated(reader, reading, epoch), self._longest)
        reading.new.report(self.on_error, "the shards")

    def _repeated(self, reader: Reader, reading: Reading, epoch: int) -> Iterator[Any]:
        for repetition in count() if self._repetitions is None else range(self._repetitions):
            numbers = self.seed, epoch, repetition
            reading.generator = Generator().seed_with(*numbers, 1 + reader.number)
            shards = self.shards
            if self.shardshuffle:
                order = Generator().seed_with(*numbers, 0).permutation(len(shards))
                shards = [shards[i] for i in order.tolist()]
            samples: Iterator[Any] = self._read(reader, reading, shards)
            for stage in self._stages:
                samples = stage(samples, reading)
            is_empty = True
            for sample in samples:
                is_empty = False
                yield sample
            if is_empty:
                return  # it would not end

    @staticmethod
    def _read(reader: Reader, reading: Reading, shards: list[str]) -> Iterator[dict[str, Any]]:
        for number, first, step in reader.share(len(shards)):
            for sample, flaw in islice(read_samples(shards[number], reading), first, None, step):
                if flaw:
                    reading.broken(f"{sample['__url__']}/{sample['__key__']}", flaw)
                else:
                    yield sample

    def _program(self) -> tuple[int, int]:
        return rank_and_world_size() if self._rank is None else self._rank

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rank": self._program()}  # a worker process does not know it

    # ----------------------------------------------------------------------------------- new ones

    def _copy(self) -> WebDataset:
        result = object.__new__(type(self))
        result.__dict__.update(self.__dict__, _stages=list(self._stages), _known={})
        return result

    def _with(self, stage: Callable[..., Iterator[Any]], **options: Any) -> WebDataset:
        result = self._copy()
        result._append(stage, **options)
        return result

    def _append(self, stage: Callable[..., Iterator[Any]], **options: Any) -> None:
        self._stages.append(partial(stage, **options))

    def __repr__(self) -> str:
        steps = [stage.func.__name__ for stage in self._stages]  # type: ignore[attr-defined]
        return (
            f"WebDataset({', '.join([f'{len(self.shards)} shards from {self.shards[0]}', *steps])})"
        )


class _WithLength(WebDataset):
    """One whose length is known; the others must have no ``__len__`` at all, as in torch."""

    _length: int

    def __len__(self) -> int:
        return self._length
