// A node for storms: our chain id and rules, a clock that can still be set to the storm's past, and the order of arrival.
module.exports = {
  solidity: "0.8.24",
  networks: {
    hardhat: {
      chainId: 31337,
      hardfork: "cancun",
      initialDate: "1970-01-01T00:00:01Z",
      mining: { auto: false, mempool: { order: "fifo" } },
    },
  },
};
