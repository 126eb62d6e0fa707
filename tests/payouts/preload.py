"""What the tests of bulk payouts import and do not test: loaded once, before many processes are forked from one."""

import aiosqlite
import hypothesis.stateful
import jinja2
import sqlalchemy.dialects.sqlite.aiosqlite
import sqlalchemy.ext.asyncio

import gopay_async.session
import gopay_async.simulator
import tests.keys_for_tests

LOADED = (aiosqlite, hypothesis, jinja2, sqlalchemy, gopay_async, tests)
