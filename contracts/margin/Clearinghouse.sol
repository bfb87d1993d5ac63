// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "solady/src/auth/Ownable.sol";
import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IDecimals} from "../interfaces/IDecimals.sol";
import {IInstrument} from "../interfaces/IInstrument.sol";
import {IPrice} from "../interfaces/IPrice.sol";
import {IRiskModel} from "../interfaces/IRiskModel.sol";
import {ClearingFund} from "./ClearingFund.sol";

/// @title Accounts, their books, and the auctions of those that fail.
contract Clearinghouse is ClearingFund, Ownable {
    using FixedPointMathLib for *;
    using SafeTransferLib for address;

    uint256 private constant MOST_LEGS = 48;
    uint256 private constant MOST_ASSETS = 8;
    int256 private constant SIGNED_RAY = 1e27;

    struct Account {
        address owner;
        bool isolated;
        IRiskModel model;
        int256 cash; // [money wad]
        uint256 principal; // [money wad] deposited less withdrawn
        uint256 auctionSince; // [unix s] 0 = none
        Leg[] legs; // by instrument, then series, in ascending order
    }

    mapping(uint256 account => Account) private accounts;
    mapping(uint256 account => mapping(uint256 asset => uint256)) private amounts; // [token wad]
    mapping(address instrument => bool) public isInstrument;
    mapping(IRiskModel model => bool) public isModel;
    Asset[] private assets;
    AuctionRules public auctionRules;
    uint256 public count; // of accounts ever opened
    bool public paused;

    constructor(address owner_, address token, AuctionRules memory rules_, uint256 quitDelay_) ClearingFund(token) {
        _initializeOwner(owner_);
        _setRules(rules_, quitDelay_);
    }

    modifier onlyOwnerOf(uint256 account) {
        _requireOwner(account);
        _;
    }

    function _requireOwner(uint256 account) private view {
        address owner_ = accounts[account].owner;
        if (msg.sender != owner_) revert NotOwner(msg.sender, owner_);
    }

    function _requireNoAuction(uint256 account) private view {
        if (accounts[account].auctionSince != 0) revert InAuction(account);
    }

    // --------------------------------------------------------------- accounts

    /// @inheritdoc IClearinghouse
    function open(bool isolated, IRiskModel model) external override returns (uint256 account) {
        if (!isModel[model]) revert UnknownModel(address(model));
        account = ++count;
        Account storage a = accounts[account];
        (a.owner, a.isolated, a.model) = (msg.sender, isolated, model);
        emit AccountOpened(account, msg.sender, isolated, address(model));
    }

    /// @inheritdoc IClearinghouse
    function setModel(uint256 account, IRiskModel model) external override onlyOwnerOf(account) {
        if (!isModel[model]) revert UnknownModel(address(model));
        _requireNoAuction(account);
        accounts[account].model = model;
        emit ModelSet(account, address(model));
        _requireMargin(account, true);
    }

    /// @inheritdoc IClearinghouse
    function deposit(uint256 account, uint256 amount) external override guarded {
        _requireKnown(account);
        amount = _pull(moneyToken, moneyUnit, amount);
        accounts[account].principal += amount;
        _addCash(account, int256(amount));
    }

    function _requireKnown(uint256 account) private view {
        if (accounts[account].owner == address(0)) revert NotOwner(msg.sender, address(0));
    }

    /// @inheritdoc IClearinghouse
    function withdraw(uint256 account, uint256 amount, address to) external override guarded onlyOwnerOf(account) {
        _requireNoAuction(account);
        amount -= amount % moneyUnit;
        Account storage a = accounts[account];
        if (shortfall != 0 && amount > a.principal) revert WithdrawalsPaused(shortfall);
        a.principal = a.principal.zeroFloorSub(amount);
        _addCash(account, -int256(amount));
        _requireMargin(account, true);
        uint256 held = moneyToken.balanceOf(address(this)) * moneyUnit;
        if (amount + houseFund + membersFund > held) {
            revert InsufficientCash(amount, held.zeroFloorSub(houseFund + membersFund));
        }
        moneyToken.safeTransfer(to, amount / moneyUnit);
    }

    /// @inheritdoc IClearinghouse
    function depositAsset(uint256 account, uint256 asset, uint256 amount) external override guarded {
        _requireKnown(account);
        _requireNoAuction(account);
        Asset storage s = _asset(asset);
        amount = _pull(s.token, s.unit, amount);
        if (s.held + amount > s.limit) revert AssetLimit(s.held + amount, s.limit);
        s.held += amount;
        _addAsset(account, asset, int256(amount));
    }

    /// @inheritdoc IClearinghouse
    function withdrawAsset(uint256 account, uint256 asset, uint256 amount, address to)
        external
        override
        guarded
        onlyOwnerOf(account)
    {
        _requireNoAuction(account);
        Asset storage s = _asset(asset);
        amount -= amount % s.unit;
        if (amount > amounts[account][asset]) revert InsufficientCash(amount, amounts[account][asset]);
        s.held -= amount;
        _addAsset(account, asset, -int256(amount));
        _requireMargin(account, true);
        s.token.safeTransfer(to, amount / s.unit);
    }

    function _asset(uint256 asset) private view returns (Asset storage) {
        if (asset >= assets.length) revert UnknownAsset(asset);
        return assets[asset];
    }

    function _addCash(uint256 account, int256 change) private {
        if (change == 0) return;
        accounts[account].cash += change;
        emit CashChanged(account, change, accounts[account].cash);
    }

    function _addAsset(uint256 account, uint256 asset, int256 change) private {
        if (change == 0) return;
        uint256 then_ = uint256(int256(amounts[account][asset]) + change);
        amounts[account][asset] = then_;
        emit CollateralChanged(account, asset, change, then_);
    }

    // ------------------------------------------------------------------ trade

    /// @inheritdoc IClearinghouse
    function trade(uint256 account, address instrument, uint256 id, int256 sizeDelta, uint256 limit)
        external
        override
        guarded
        onlyOwnerOf(account)
        returns (int256 cash)
    {
        if (paused) revert MarketPaused();
        if (!isInstrument[instrument]) revert UnknownInstrument(instrument);
        if (sizeDelta == 0) revert NoTrade();
        _requireNoAuction(account);
        _requireIsolation(account, instrument);
        cash = IInstrument(instrument).onTrade(msg.sender, id, sizeDelta, limit);
        _addCash(account, cash);
        int256 then_ = _addSize(account, instrument, id, sizeDelta);
        emit Traded(account, instrument, id, sizeDelta, cash);
        _requireMargin(account, sizeDelta < 0 || then_ > 0);
    }

    /// @inheritdoc IClearinghouse
    function previewTrade(uint256 account, address instrument, uint256 id, int256 sizeDelta)
        external
        view
        override
        returns (int256 cash, int256 equity, uint256 required)
    {
        cash = IInstrument(instrument).previewTrade(id, sizeDelta);
        (Leg[] memory legs, int256 then_) = _legsAfter(account, instrument, id, sizeDelta);
        Book memory b = _bookOf(account, legs);
        b.cash += cash - _carryDue(account, instrument, id);
        (equity, required) = accounts[account].model.marginOfBook(b, sizeDelta < 0 || then_ > 0);
    }

    /// @dev [money wad] that a leg owes until now.
    function _carryDue(uint256 account, address instrument, uint256 id) private view returns (int256) {
        Leg[] storage legs = accounts[account].legs;
        (uint256 place, bool found) = _find(legs, instrument, id);
        if (!found) return 0;
        return _divUp(legs[place].size * (IInstrument(instrument).carryOf(id) - legs[place].carry));
    }

    /// @dev The legs with one moved, which has paid its carry.
    function _legsAfter(uint256 account, address instrument, uint256 id, int256 sizeDelta)
        private
        view
        returns (Leg[] memory legs, int256 then_)
    {
        Leg[] storage before = accounts[account].legs;
        (uint256 place, bool found) = _find(before, instrument, id);
        then_ = sizeDelta + (found ? before[place].size : int256(0));
        uint256 kept = place + (then_ == 0 ? 0 : 1);
        uint256 rest = found ? place + 1 : place;
        legs = new Leg[](before.length - rest + kept);
        for (uint256 i; i < place; ++i) {
            legs[i] = before[i];
        }
        if (then_ != 0) legs[place] = Leg(instrument, id, then_, IInstrument(instrument).carryOf(id));
        for (uint256 i = rest; i < before.length; ++i) {
            legs[kept + i - rest] = before[i];
        }
    }

    function _requireIsolation(uint256 account, address instrument) private view {
        Account storage a = accounts[account];
        if (!a.isolated || a.legs.length == 0 || a.legs[0].instrument == instrument) return;
        revert WrongInstrument(instrument, a.legs[0].instrument);
    }

    /// @dev Moves a leg, in its place, after its carry is paid. A leg of nothing goes.
    /// @return then_ [size wad]
    function _addSize(uint256 account, address instrument, uint256 id, int256 sizeDelta)
        private
        returns (int256 then_)
    {
        Leg[] storage legs = accounts[account].legs;
        (uint256 place, bool found) = _find(legs, instrument, id);
        if (!found) _insert(legs, place, instrument, id);
        Leg storage leg = legs[place];
        int256 carry = IInstrument(instrument).carryOf(id);
        if (leg.size != 0 && carry != leg.carry) _addCash(account, -_divUp(leg.size * (carry - leg.carry)));
        then_ = leg.size + sizeDelta;
        (leg.size, leg.carry) = (then_, carry);
        if (then_ == 0) _remove(legs, place);
    }

    /// @dev Where a leg is, or would be.
    function _find(Leg[] storage legs, address instrument, uint256 id)
        private
        view
        returns (uint256 place, bool found)
    {
        uint256 end = legs.length;
        while (place < end) {
            uint256 middle = (place + end) / 2;
            Leg storage leg = legs[middle];
            if (leg.instrument == instrument && leg.id == id) return (middle, true);
            bool before = leg.instrument == instrument ? leg.id < id : leg.instrument < instrument;
            if (before) place = middle + 1;
            else end = middle;
        }
    }

    function _insert(Leg[] storage legs, uint256 place, address instrument, uint256 id) private {
        if (legs.length >= MOST_LEGS) revert TooManyLegs(legs.length + 1, MOST_LEGS);
        legs.push();
        for (uint256 i = legs.length - 1; i > place; --i) {
            legs[i] = legs[i - 1];
        }
        legs[place] = Leg(instrument, id, 0, 0);
    }

    function _remove(Leg[] storage legs, uint256 place) private {
        for (uint256 i = place; i + 1 < legs.length; ++i) {
            legs[i] = legs[i + 1];
        }
        legs.pop();
    }

    /// @inheritdoc IClearinghouse
    function settle(uint256 account, address instrument, uint256 id) external override guarded returns (int256 cash) {
        Leg[] storage legs = accounts[account].legs;
        (uint256 place, bool found) = _find(legs, instrument, id);
        if (!found) revert NoTrade();
        int256 size = legs[place].size;
        cash = IInstrument(instrument).settle(id, size);
        _addSize(account, instrument, id, -size);
        _addCash(account, cash);
        _absorb(account, IInstrument(instrument).takeMissing());
        emit Settled(account, instrument, id, size, cash);
    }

    function _requireMargin(uint256 account, bool initial) private view {
        (int256 equity, uint256 required) = marginOf(account, initial);
        if (equity < int256(required)) revert InsufficientMargin(equity, required);
    }

    // ---------------------------------------------------------------- auction

    /// @inheritdoc IClearinghouse
    function startAuction(uint256 account) external override guarded {
        _requireNoAuction(account);
        (int256 equity, uint256 required) = marginOf(account, false);
        if (equity >= int256(required)) revert AccountHealthy(equity, required);
        accounts[account].auctionSince = block.timestamp;
        ++auctionsOpen;
        emit AuctionStarted(account, equity, required);
    }

    /// @inheritdoc IClearinghouse
    function endAuction(uint256 account) external override guarded {
        _requireAuction(account);
        (int256 equity, uint256 required) = marginOf(account, true);
        if (equity < int256(required)) revert InsufficientMargin(equity, required);
        _endAuction(account);
    }

    function _requireAuction(uint256 account) private view {
        if (accounts[account].auctionSince == 0) revert NotInAuction(account);
    }

    function _endAuction(uint256 account) private {
        accounts[account].auctionSince = 0;
        --auctionsOpen;
        emit AuctionEnded(account);
    }

    /// @inheritdoc IClearinghouse
    function take(uint256 account, uint256 to, uint256 maxPaid)
        external
        override
        guarded
        onlyOwnerOf(to)
        returns (uint256 paid, uint256 received)
    {
        if (to == account) revert SameAccount(account);
        _requireNoAuction(to);
        int256 equity;
        (equity, paid, received) = previewTake(account);
        if (paid > maxPaid) revert TooExpensive(paid, maxPaid);
        _moveBook(account, to);
        uint256 fee = paid.fullMulDiv(auctionRules.fee, WAD);
        _addCash(to, int256(received) - int256(paid));
        _addCash(account, int256(paid - fee));
        accounts[account].principal = accounts[account].principal.min(paid - fee);
        if (fee != 0) _credit(fee);
        _absorb(account, received);
        _endAuction(account);
        emit AuctionTaken(account, to, equity, paid, received);
        _requireMargin(to, true);
    }

    /// @inheritdoc IClearinghouse
    function previewTake(uint256 account) public view override returns (int256 equity, uint256 paid, uint256 received) {
        _requireAuction(account);
        uint256 required;
        (equity, required) = marginOf(account, false);
        uint256 elapsed = (block.timestamp - accounts[account].auctionSince).min(auctionRules.length);
        if (equity > 0) {
            uint256 left = auctionRules.startShare.fullMulDiv(auctionRules.length - elapsed, auctionRules.length);
            return (equity, uint256(equity).fullMulDiv(left, WAD), 0);
        }
        uint256 reward = required.fullMulDiv(auctionRules.maxReward, WAD).fullMulDiv(elapsed, auctionRules.length);
        received = uint256(-equity) + reward;
    }

    /// @dev All that an account has, to another.
    function _moveBook(uint256 from, uint256 to) private {
        Leg[] storage legs = accounts[from].legs;
        for (uint256 i = legs.length; i != 0; --i) {
            (address instrument, uint256 id, int256 size) = (legs[i - 1].instrument, legs[i - 1].id, legs[i - 1].size);
            _requireIsolation(to, instrument);
            _addSize(from, instrument, id, -size);
            _addSize(to, instrument, id, size);
        }
        for (uint256 i; i < assets.length; ++i) {
            int256 amount = int256(amounts[from][i]);
            _addAsset(from, i, -amount);
            _addAsset(to, i, amount);
        }
        int256 cash = accounts[from].cash;
        _addCash(from, -cash);
        _addCash(to, cash);
    }

    // ------------------------------------------------------------- governance

    /// @notice Lets an instrument in, which may then draw on the money here. It is trusted.
    function setInstrument(address instrument, bool known) external onlyOwner {
        isInstrument[instrument] = known;
        moneyToken.safeApprove(instrument, known ? type(uint256).max : 0);
        emit ParametersSet("instrument");
    }

    function setRiskModel(IRiskModel model, bool known) external onlyOwner {
        isModel[model] = known;
        emit ParametersSet("model");
    }

    /// @param feed Dollars of one token
    /// @param haircut [wad] 1 at most
    /// @param beta [wad] 2 at most
    /// @param limit [token wad]
    function addAsset(address token, IPrice feed, uint256 haircut, uint256 beta, uint256 limit) external onlyOwner {
        if (assets.length >= MOST_ASSETS) revert TooManyAssets(assets.length + 1, MOST_ASSETS);
        _requireWithin(haircut, 0, WAD);
        _requireWithin(beta, 0, 2e18);
        uint256 decimals = IDecimals(token).decimals();
        _requireWithin(decimals, 0, 18);
        feed.price();
        assets.push(Asset(token, 10 ** (18 - decimals), feed, haircut, beta, limit, 0));
        emit ParametersSet("asset");
    }

    /// @param r.startShare [wad] 0.5 to 1
    /// @param r.length [s] a minute to a day
    /// @param r.maxReward [wad] 1 at most
    /// @param r.fee [wad] 0.5 at most
    /// @param quitDelay_ [s] 30 days at most
    function setRules(AuctionRules calldata r, uint256 quitDelay_) external onlyOwner {
        _setRules(r, quitDelay_);
    }

    function setPause(bool paused_) external onlyOwner {
        paused = paused_;
        emit ParametersSet("pause");
    }

    function _setRules(AuctionRules memory r, uint256 quitDelay_) private {
        _requireWithin(r.startShare, 0.5e18, WAD);
        _requireWithin(r.length, 1 minutes, 1 days);
        _requireWithin(r.maxReward, 0, WAD);
        _requireWithin(r.fee, 0, 0.5e18);
        _requireWithin(quitDelay_, 0, 30 days);
        (auctionRules, quitDelay) = (r, quitDelay_);
        emit ParametersSet("auction");
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IClearinghouse
    function marginOf(uint256 account, bool initial) public view override returns (int256, uint256) {
        return accounts[account].model.margin(account, initial);
    }

    /// @inheritdoc IClearinghouse
    function assetsOf() external view override returns (Asset[] memory) {
        return assets;
    }

    /// @notice One account without its book.
    function accountOf(uint256 account)
        external
        view
        returns (address owner_, bool isolated, IRiskModel model, int256 cash, uint256 principal, uint256 auctionSince)
    {
        Account storage a = accounts[account];
        return (a.owner, a.isolated, a.model, a.cash, a.principal, a.auctionSince);
    }

    /// @return legs in order of instrument and series
    function legsOf(uint256 account) external view returns (Leg[] memory legs) {
        return accounts[account].legs;
    }

    /// @return [token wad]
    function amountOf(uint256 account, uint256 asset) external view returns (uint256) {
        return amounts[account][asset];
    }

    /// @inheritdoc IClearinghouse
    function bookOf(uint256 account) external view override returns (Book memory) {
        return _bookOf(account, accounts[account].legs);
    }

    /// @dev With the account's cash and assets, and these legs.
    function _bookOf(uint256 account, Leg[] memory legs) private view returns (Book memory b) {
        b.cash = accounts[account].cash;
        b.amounts = new uint256[](assets.length);
        for (uint256 i; i < b.amounts.length; ++i) {
            b.amounts[i] = amounts[account][i];
        }
        uint256 groups = _groupsOf(legs);
        (b.instruments, b.ids, b.sizes) = (new address[](groups), new uint256[][](groups), new int256[][](groups));
        uint256 first;
        for (uint256 i; i < groups; ++i) {
            first = _fillGroup(b, legs, i, first);
        }
    }

    function _groupsOf(Leg[] memory legs) private pure returns (uint256 groups) {
        for (uint256 i; i < legs.length; ++i) {
            if (i == 0 || legs[i].instrument != legs[i - 1].instrument) ++groups;
        }
    }

    function _fillGroup(Book memory b, Leg[] memory legs, uint256 group, uint256 first)
        private
        view
        returns (uint256 next)
    {
        address instrument = legs[first].instrument;
        for (next = first; next < legs.length && legs[next].instrument == instrument;) {
            ++next;
        }
        b.instruments[group] = instrument;
        (b.ids[group], b.sizes[group]) = (new uint256[](next - first), new int256[](next - first));
        for (uint256 i = first; i < next; ++i) {
            Leg memory leg = legs[i];
            (b.ids[group][i - first], b.sizes[group][i - first]) = (leg.id, leg.size);
            b.cash -= _divUp(leg.size * (IInstrument(instrument).carryOf(leg.id) - leg.carry));
        }
    }

    /// @dev From [wad * ray] to [wad], towards plus infinity: what somebody owes.
    function _divUp(int256 x) private pure returns (int256 z) {
        z = x / SIGNED_RAY;
        if (x > z * SIGNED_RAY) ++z;
    }
}
