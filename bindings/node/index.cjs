module.exports = require("./dist/mod.js");
