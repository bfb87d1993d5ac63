"""The door through which others reach a devnet's node: JSON-RPC over HTTP and WebSocket, shut while a block is built.

Without it a transaction could come in between reading the node's pool and mining, and would be lost or stand in a block
in which the scenario has no place for it. A shut door keeps requests waiting, for a few milliseconds; nobody sees a
block half built, or one that is only tried. What mines, moves the clock or takes blocks back is not for others. And as
the node knows nothing of the rest of Ethereum, what it says of the price of gas is raised to what the scenario asks.
"""

import asyncio
import errno
import io
import json
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, web

from simulator.errors import ChainError

_LARGEST: Final = 1 << 27  # [bytes] of a request
_PATIENCE: Final = 2.0  # [s] for an answer; a block does not wait longer for it
_EVERYBODY: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}
_FORBIDDEN: Final = -32601
_PRICES: Final = ("eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_feeHistory")
_OURS: Final = frozenset(
    f"{family}_{name}"
    for family in ("evm", "anvil", "hardhat")
    for name in (
        *("mine", "mine_detailed", "mineDetailed", "revert", "reset", "reorg", "rollback", "loadState"),
        *("setAutomine", "setIntervalMining", "increaseTime", "setTime", "setNextBlockTimestamp"),
        *("setBlockTimestampInterval", "removeBlockTimestampInterval", "setNextBlockBaseFeePerGas", "setCoinbase"),
        *("setChainId", "setBlockGasLimit", "setNonce", "setMinGasPrice", "autoImpersonateAccount"),
        *("dropTransaction", "dropAllTransactions", "removePoolTransactions"),
    )
) | {"eth_sendRawTransactionSync", "eth_sendTransactionSync"}  # these two are answered only behind a block


class Advice(NamedTuple):
    """What gas costs."""

    base_fee: int = 0  # [wei per gas] of the next block
    tip: int = 0  # [wei per gas] that lets somebody into it

    def raised(self, method: str, result: Any) -> Any:
        """What a node answers, or what gas costs where that is more."""
        if method == "eth_feeHistory":
            rewards = result.get("reward") or []
            return result | {"reward": [[_at_least(tip, self.tip) for tip in block] for block in rewards]}
        return _at_least(result, self.tip if method == "eth_maxPriorityFeePerGas" else self.base_fee + self.tip)


def _at_least(quantity: str, least: int) -> str:
    return hex(max(int(quantity, 16), least))


class Gate:
    """A door at a port, shut at first. It has a thread of its own."""

    def __init__(self, port: int, inner: str) -> None:
        """Listen at `port` for the node at the URL `inner`. Raises ChainError where that cannot be."""
        self.url = f"http://127.0.0.1:{port}"
        self._port, self._inner = port, inner
        self.advice = Advice()
        self._is_shut = True
        self._inside: set[object] = set()  # requests whose answer is not there yet
        self._waiting: deque[asyncio.Future[object]] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()
        try:
            self._do(self._listen()).result()
        except OSError as fault:
            self.close()
            what = "is in use" if fault.errno == errno.EADDRINUSE else f"cannot be had: {fault.strerror}"
            raise ChainError(f"port {port} {what}", where="--port", mend="choose another with --port") from None

    def open(self) -> None:
        """Let in who waits, and who comes until it is shut."""
        self._loop.call_soon_threadsafe(self._let_in)

    def shut(self) -> None:
        """Let nobody in any more; back when those inside have their answers, or have waited long for one."""
        self._do(self._shut()).result()

    def close(self) -> None:
        """Hang up on everybody; again does nothing."""
        if not self._loop.is_running():
            return
        self._do(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # ------------------------------------------------------- inside of the thread

    async def _listen(self) -> None:
        self._session = ClientSession(connector=TCPConnector(limit=0))
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()

    async def _end(self) -> None:
        for entrant in self._waiting:
            entrant.cancel()
        await self._session.close()
        await self._runner.cleanup()

    def _let_in(self) -> None:
        self._is_shut = False
        while self._waiting:  # who has waited gets in, however soon it is shut again
            entrant = self._waiting.popleft()
            if not entrant.done():
                entrant.set_result(self._admit())

    async def _shut(self) -> None:
        self._is_shut = True
        deadline = self._loop.time() + _PATIENCE
        while self._inside and self._loop.time() < deadline:
            await asyncio.sleep(0.0005)
        self._inside.clear()

    def _admit(self) -> object:
        token = object()
        self._inside.add(token)
        return token

    async def _enter(self) -> object:
        """Wait until the door is open; what stands for the request until it is answered."""
        if not self._is_shut:
            return self._admit()
        entrant: asyncio.Future[object] = self._loop.create_future()
        self._waiting.append(entrant)
        try:
            return await entrant
        except asyncio.CancelledError:
            if entrant.done() and not entrant.cancelled():  # let in, and gone at the same moment
                self._inside.discard(entrant.result())
            raise

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if web.WebSocketResponse().can_prepare(request).ok:
            return await self._converse(request)
        if request.method == "OPTIONS":
            return web.Response(headers=_EVERYBODY)
        body = await request.read()
        asked = calls(body)
        answer = refusal(body, asked)
        if answer is None:
            token = await self._enter()
            try:
                answer = await self._pass_on(body)
            except ClientError:
                return web.Response(status=502, text="the node is gone", headers=_EVERYBODY)
            finally:
                self._inside.discard(token)
        body = self._priced(priced(asked), answer)
        return web.Response(body=body, content_type="application/json", headers=_EVERYBODY)

    def _priced(self, asked: dict[Any, str], answer: bytes) -> bytes:
        """An answer with the price of gas where that was asked for; what is answered is taken out of `asked`."""
        if not asked:
            return answer
        replies = json.loads(answer)
        for reply in replies if isinstance(replies, list) else [replies]:
            method = asked.pop(reply.get("id"), None)
            if method is not None and "result" in reply:
                reply["result"] = self.advice.raised(method, reply["result"])
        return json.dumps(replies).encode()

    async def _pass_on(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._inner, data=io.BytesIO(body), headers=headers) as answer:
            return await answer.read()

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket: requests in, answers and what was subscribed to out."""
        outer = web.WebSocketResponse(max_msg_size=_LARGEST)
        await outer.prepare(request)
        with suppress(ClientError, ConnectionError):  # the node is gone, or who asked
            async with self._session.ws_connect(self._inner, max_msg_size=_LARGEST) as inner:
                await self._couple(outer, inner)
        await outer.close()
        return outer

    async def _couple(self, outer: web.WebSocketResponse, inner: ClientWebSocketResponse) -> None:
        unanswered: deque[object] = deque()
        prices: dict[Any, str] = {}

        async def inwards() -> None:
            async for message in outer:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    return
                asked = calls(message.data)
                said = refusal(message.data, asked)
                if said is not None:
                    await outer.send_str(said.decode())
                    continue
                unanswered.append(await self._enter())
                prices.update(priced(asked))
                await (inner.send_str if message.type is WSMsgType.TEXT else inner.send_bytes)(message.data)

        async def outwards() -> None:
            async for message in inner:
                if message.type is not WSMsgType.TEXT:
                    return
                if _is_subscribed(message.data):
                    await outer.send_str(message.data)
                    continue
                if unanswered:
                    self._inside.discard(unanswered.popleft())
                await outer.send_str(self._priced(prices, message.data.encode()).decode())

        ways = [asyncio.create_task(inwards()), asyncio.create_task(outwards())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._inside.difference_update(unanswered)


def calls(request: str | bytes) -> list[dict[str, Any]]:
    """What is asked, one call or a batch; nothing where it is no JSON-RPC, of which the node says what is wrong."""
    try:
        asked = json.loads(request)
    except ValueError:
        return []
    return [item for item in (asked if isinstance(asked, list) else [asked]) if isinstance(item, dict)]


def refusal(request: str | bytes, asked: Sequence[dict[str, Any]]) -> bytes | None:
    """The answer to a request of which a call is not for others; None to let it in."""
    refused = next((call["method"] for call in asked if call.get("method") in _OURS), None)
    if refused is None:
        return None
    error = {"code": _FORBIDDEN, "message": f"{refused} is not for others: the scenario makes the blocks"}
    answers = [{"jsonrpc": "2.0", "id": call.get("id"), "error": error} for call in asked]
    return json.dumps(answers if isinstance(json.loads(request), list) else answers[0]).encode()


def priced(asked: Sequence[dict[str, Any]]) -> dict[Any, str]:
    """The calls that ask what gas costs: methods by id."""
    return {call["id"]: call["method"] for call in asked if call.get("method") in _PRICES and "id" in call}


def _is_subscribed(message: str) -> bool:
    """Whether it is no answer but news."""
    return '"method":"eth_subscription"' in message[:200].replace(" ", "")
