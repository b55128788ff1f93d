"""A keypad that has seen many wrong codes: it asks for more, is off at last, and forgets neither by a restart."""

import asyncio
from pathlib import Path

from common.contract.words import KeypadLevel
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.pickup.house import CODE, House, in_house

WRONG = "52709164"


def test_after_twenty_failures_of_a_day_the_code_alone_is_not_checked(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await house.delivered("LP-0002", code="61830529")
        for _ in range(20):
            await asyncio.sleep(31)
            assert isinstance(await house.edge.pickup.submit(WRONG), Refused)
        assert house.edge.pickup.keypad().level is KeypadLevel.STEP_UP
        (told,) = house.events("keypad.level_changed")
        assert (told["level"], told["failures_24h"]) == ("step_up", 20)
        await asyncio.sleep(31)
        calls = house.argon2_calls
        assert await house.edge.pickup.submit(CODE) == Refused(0, second_factor=True)
        await house.cut()
        await house.boot(new_machine_boot=True)
        assert house.edge.pickup.keypad().level is KeypadLevel.STEP_UP
        assert await house.edge.pickup.submit(CODE) == Refused(0, second_factor=True)
        assert house.argon2_calls == calls
        assert isinstance(await house.edge.pickup.submit(CODE, "9999"), Refused)
        await asyncio.sleep(31)
        assert isinstance(await house.edge.pickup.submit(CODE, "0042"), Accepted)
        await house.push((await house.until(Step.OPEN)).compartment)
        await house.edge.pickup.finish()
        house.sql("UPDATE limiter_attempt SET at_s = at_s - 86400")
        house.sql("UPDATE limiter_step_up SET until_s = until_s - 86400")
        await house.cut()
        await house.boot()
        await asyncio.sleep(61)
        assert house.edge.pickup.keypad().level is KeypadLevel.NORMAL
        assert house.events("keypad.level_changed")[-1]["level"] == "normal"
        assert isinstance(await house.edge.pickup.submit("61830529"), Accepted)

    in_house(tmp_path, body, limiter={"refill_s": 30})


def test_after_many_failures_of_a_day_the_keypad_is_off(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        for _ in range(30):
            await asyncio.sleep(31)
            await house.edge.pickup.submit(WRONG, "1234")
        assert house.edge.pickup.keypad().level is KeypadLevel.OFF
        assert house.edge.pickup.locked_for_s() > 22 * 3600
        assert [e["level"] for e in house.events("keypad.level_changed")] == ["step_up", "off"]
        calls = house.argon2_calls
        assert isinstance(await house.edge.pickup.submit(WRONG, "1234"), Refused)
        assert house.argon2_calls == calls

    in_house(tmp_path, body, limiter={"refill_s": 30, "off_failures_24h": 30})
