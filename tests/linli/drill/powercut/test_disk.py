"""What is durable and what is on the way, and images as files: planted operations, then many random ones."""

import random
from pathlib import Path

import pytest

from linli.drill.powercut.cut import Mode, draw, kept
from linli.drill.powercut.disk import Change, Disk, Enter, Platter, Truncate, Write, apply, enter
from linli.drill.powercut.scratch import Scratch


def _disk() -> tuple[Disk, int, int]:
    disk = Disk()
    one, two = disk.open("a.db", create=True), disk.open("a.db-wal", create=True)
    assert one is not None
    assert two is not None
    return disk, one, two


def test_the_machine_sees_what_it_wrote() -> None:
    disk, one, _ = _disk()
    disk.change(Write(one, 2, b"xyz"))
    disk.change(Truncate(one, 4))
    assert disk.read(one, 0, 9) == b"\0\0xy"
    assert disk.size(one) == 4
    assert disk.open("a.db", create=True) == one
    assert disk.open("gone", create=False) is None
    assert disk.remove("a.db")
    assert not disk.remove("a.db")


def test_a_sync_lands_its_own_file_and_no_name() -> None:
    disk, one, two = _disk()
    disk.change(Write(one, 0, b"db"))
    disk.change(Write(two, 0, b"wal"))
    disk.sync(two)
    platter = Platter(disk.log)
    platter.forward(len(disk.log))
    assert platter.files == {two: b"wal"}
    assert platter.names == {}
    assert platter.pending == [Enter("a.db", one), Enter("a.db-wal", two), Write(one, 0, b"db")]
    disk.sync_folder()
    platter.forward(len(disk.log))
    assert platter.names == disk.names
    assert platter.pending == [Write(one, 0, b"db")]


def test_a_lying_disk_lands_nothing() -> None:
    disk, one, _ = _disk()
    disk.change(Write(one, 0, b"db"))
    disk.sync(one)
    disk.sync_folder()
    platter = Platter(disk.log, lying=True)
    platter.forward(len(disk.log))
    assert platter.files == {}
    assert len(platter.pending) == 3


def test_the_next_change_is_in_flight_a_sync_is_not() -> None:
    disk, one, _ = _disk()
    disk.sync(one)
    platter = Platter(disk.log)
    assert platter.in_flight() == Enter("a.db", one)
    platter.forward(2)
    assert platter.in_flight() is None
    platter.forward(3)
    assert platter.in_flight() is None


def _busy_disk(rng: random.Random) -> Disk:
    disk, *inodes = _disk()
    for _ in range(200):
        inode = rng.choice(inodes)
        match rng.randint(0, 9):
            case 0:
                disk.sync(inode)
            case 1:
                disk.sync_folder()
            case 2:
                disk.change(Truncate(inode, rng.randint(0, 9000)))
            case 3:
                disk.remove("a.db-wal")
                disk.open("a.db-wal", create=True)
            case _:
                data = rng.randbytes(rng.randint(1, 6000))
                disk.change(Write(inode, rng.randint(0, 9000), data))
    return disk


def _plainly(platter: Platter, ops: list[Change]) -> dict[str, bytes]:
    """Build the image the simple way: everything copied, everything applied."""
    names = dict(platter.names)
    files = {inode: bytearray(content) for inode, content in platter.files.items()}
    for op in ops:
        if isinstance(op, Write | Truncate):
            apply(files.setdefault(op.inode, bytearray()), op)
        else:
            enter(names, op)
    return {name: bytes(files.get(inode, b"")) for name, inode in names.items()}


@pytest.mark.parametrize("seed", range(8))
def test_images_are_what_was_kept_and_leave_no_trace(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    disk = _busy_disk(rng)
    platter = Platter(disk.log)
    scratch = Scratch(tmp_path, platter)
    cuts = sorted((draw(n, len(disk.log), random.Random(n)) for n in range(60)), key=lambda c: c.at)
    for cut in cuts:
        platter.forward(cut.at)
        ops = kept(cut, platter)
        with scratch.image(ops) as image:
            found = {path.name: path.read_bytes() for path in image.iterdir()}
        assert found == _plainly(platter, ops)
    scratch.close()


def test_each_mode_keeps_what_its_name_says() -> None:
    disk, one, _ = _disk()
    disk.change(Write(one, 100, bytes(range(256)) * 40))
    disk.change(Write(one, 20_000, b"end"))
    platter = Platter(disk.log)
    platter.forward(len(disk.log))
    seen = dict.fromkeys(Mode, 0)
    for seed in range(200):
        cut = draw(seed, len(disk.log), random.Random(seed))
        held = kept(cut, platter)
        assert held == kept(draw(seed, len(disk.log), random.Random(seed)), platter)
        seen[cut.mode] += 1
        if cut.mode is Mode.NOTHING:
            assert held == []
        if cut.mode is Mode.ALL:
            assert held == platter.pending
        sector = {Mode.SECTORS_512: 512, Mode.SECTORS_4096: 4096}.get(cut.mode, 0)
        for op in held if sector else []:
            if isinstance(op, Write) and op.data:
                assert op.at // sector == (op.at + len(op.data) - 1) // sector
                assert op.at == 100 or op.at == 20_000 or op.at % sector == 0
    assert min(seen.values()) > 10
