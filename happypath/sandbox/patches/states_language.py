"""The Amazon States Language: how moto's interpreter evaluates paths, expressions, variables and choices."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.assign.assign_template_binding import (
    AssignTemplateBinding,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.jsonata.jsonata_template_binding import (
    JSONataTemplateBinding,
)
from moto.stepfunctions.parser.asl.component.common.outputdecl import Output
from moto.stepfunctions.parser.asl.component.common.parargs import Arguments
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringIntrinsicFunction,
    StringJSONata,
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.common.timeouts.heartbeat import HeartbeatSecondsJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSecondsJSONata
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic.string_format import (
    StringFormat,
)
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.states_function import (
    StatesFunction,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.state_function_name_types import (
    StatesFunctionNameType,
)
from moto.stepfunctions.parser.asl.component.intrinsic.functionname.states_function_name import (
    StatesFunctionName,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison import ConditionStringJSONata
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_variable import (
    ComparisonVariable,
)
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_selector import ItemSelector
from moto.stepfunctions.parser.asl.component.state.exec.state_map.items.items import ItemsArray, ItemsJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_map.max_concurrency import MaxConcurrencyJSONata
from moto.stepfunctions.parser.asl.component.state.fail.cause_decl import Cause
from moto.stepfunctions.parser.asl.component.state.fail.error_decl import Error
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds import SecondsJSONata
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.states import States
from moto.stepfunctions.parser.asl.eval.variable_store import NoSuchVariable, VariableStore
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser import IntrinsicParser
from moto.stepfunctions.parser.asl.parse.intrinsic.preprocessor import Preprocessor as IntrinsicPreprocessor
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils import encoding
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.patches.speed import copied
from happypath.sandbox.stepfunctions.errors import StatesError
from happypath.sandbox.stepfunctions.language import jsonata, jsonpath
from happypath.sandbox.stepfunctions.language.comparisons import COMPARISONS
from happypath.sandbox.stepfunctions.language.definition import diagnose, refusal
from happypath.sandbox.stepfunctions.language.diagnostics import Diagnostic, schema
from happypath.sandbox.stepfunctions.language.failures import entered, failure, query_failure
from happypath.sandbox.stepfunctions.language.intrinsics import IntrinsicError
from happypath.sandbox.stepfunctions.language.intrinsics import call as call_intrinsic


@contextmanager
def query_languages(_: Served) -> Iterator[None]:
    """A definition's query language is its own; moto's parsers share one list of them.

    A definition that is refused would stay in it. And a state's own language is that of this state alone: the
    states within it have the state machine's.

    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """

    enter: Any = Preprocessor._open_query_language_scope

    def make(preprocessor: Any) -> None:
        preprocessor._query_language_per_scope = []

    def enter_from_top(preprocessor: Any, parse_tree: Any) -> None:
        outer = preprocessor._query_language_per_scope
        preprocessor._query_language_per_scope = outer[:1]
        enter(preprocessor, parse_tree)
        preprocessor._query_language_per_scope = [*outer, preprocessor._query_language_per_scope[-1]]

    with (
        patch.object(Preprocessor, "__init__", make),
        patch.object(Preprocessor, "_open_query_language_scope", enter_from_top),
    ):
        yield


@contextmanager
def definitions(_: Served) -> Iterator[None]:
    """A definition that is not in order is refused, with what is wrong in it; moto takes most.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
    """
    create: Any = StepFunctionsParserBackend.create_state_machine

    def validate(definition: str) -> None:
        _refuse(diagnose(definition))
        try:
            AmazonStateLanguageParser.parse(definition)
        except (ASLParserException, ValueError, TypeError, RuntimeError) as error:
            # What is left is the interpreter's own: an integration that it does not have, or a function.
            raise StatesError("InvalidDefinition", refusal([schema(str(error), "/States")])) from error

    def create_of_kind(backend: Any, *given: Any, sm_type: str | None = None, **named: Any) -> Any:
        if "definition" in named:
            _refuse(diagnose(named["definition"], sm_type or "STANDARD"))
        return create(backend, *given, sm_type=sm_type, **named)

    with (
        patch.object(StepFunctionsParserBackend, "_validate_definition", staticmethod(validate)),
        patch.object(StepFunctionsParserBackend, "create_state_machine", create_of_kind),
    ):
        yield


def _refuse(diagnostics: list[Diagnostic]) -> None:
    if diagnostics:
        raise StatesError("InvalidDefinition", refusal(diagnostics))


@contextmanager
def paths(_: Served) -> Iterator[None]:
    """A path of names and indices has one value, and any other a list; moto's `$.list[0].field` is a list.

    https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
    """

    def extract(path: str, data: Any) -> Any:
        try:
            return jsonpath.find(path, data)
        except jsonpath.NoSuchPathError:
            raise NoSuchJsonPathError(json_path=path, data=data) from None

    def put(component: Any, env: Any) -> None:
        given = env.states.get_input()
        if component.result_path_src is None:
            env.stack.clear()
            env.stack.append(given)
            return
        result = copied(env.stack.pop())
        path = component.result_path_src
        try:
            env.stack.append(jsonpath.put(path, given, result))
        except jsonpath.NoSuchPathError:
            cause = f"Unable to apply step '{path}' to input '{encoding.to_json_str(given)}'"
            raise failure(env, StatesErrorNameType.StatesResultPathMatchFailure, cause) from None

    with ExitStack() as patches:
        for name, module in list(sys.modules.items()):
            if name.startswith("moto.stepfunctions.parser.") and "extract_json" in vars(module):
                patches.enter_context(patch.object(module, "extract_json", extract))
        patches.enter_context(patch.object(ResultPath, "_eval_body", put))
        yield


@contextmanager
def jsonata_expressions(_: Served) -> Iterator[None]:
    """Expressions in `{% %}` are JSONata, and fail as `States.QueryEvaluationError`; moto evaluates none.

    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """

    def evaluate(component: Any, env: Any) -> None:
        env.stack.append(_query(component.expression, env))

    def with_result(states: Any, input_value: Any) -> None:
        # What a state does not have ($states.result of a Pass state) is undefined, not null.
        states._states_data.pop("result", None)
        states._states_data.pop("errorOutput", None)
        states._states_data["input"] = copied(input_value)

    with ExitStack() as patches:
        patches.enter_context(patch.object(StringJSONata, "_eval_body", evaluate))
        patches.enter_context(patch.object(States, "reset", with_result))
        for component, name in _FIELDS.items():
            patches.enter_context(patch.object(component, "_eval_body", _within(component._eval_body, name)))
        for component, field in _TYPED.items():
            patches.enter_context(patch.object(component, "_eval_body", _typed(field)))
        yield


# Fields that hold expressions: an expression's place is said where it fails, such as `Output/result`.
_FIELDS: dict[Any, Callable[[Any], str]] = {
    Output: lambda _: "Output",
    Arguments: lambda _: "Arguments",
    JSONataTemplateBinding: lambda binding: binding.identifier,
    AssignTemplateBinding: lambda binding: binding.identifier,
    ItemsArray: lambda _: "Items",
    ItemSelector: lambda _: "ItemSelector",
    Cause: lambda _: "Cause",
    Error: lambda _: "Error",
    SecondsJSONata: lambda _: "Seconds",
    Timestamp: lambda _: "Timestamp",
}
# What has one expression, whose value must be of a type.
_TYPED: dict[Any, tuple[str, str]] = {
    ItemsJSONata: ("Items", "array"),
    ConditionStringJSONata: ("Condition", "boolean"),
    MaxConcurrencyJSONata: ("MaxConcurrency", "number"),
    TimeoutSecondsJSONata: ("TimeoutSeconds", "number"),
    HeartbeatSecondsJSONata: ("HeartbeatSeconds", "number"),
}


def _within(evaluate: Any, name: Callable[[Any], str]) -> Any:
    def evaluate_there(component: Any, env: Any) -> None:
        places = vars(env).setdefault("places", [])
        places.append(name(component))
        try:
            evaluate(component, env)
        finally:
            places.pop()

    return evaluate_there


def _typed(field: tuple[str, str]) -> Any:
    name, kind = field

    def evaluate(component: Any, env: Any) -> None:
        expression = component.string_jsonata.expression
        value = _query(expression, env, name)
        if _kind(value) != kind:
            text = encoding.to_json_str(value, separators=(",", ":"))
            raise query_failure(
                env,
                f"The JSONata expression '{expression}' specified for the field '{name}' returned an "
                f"unexpected result type. Expected '{kind}', but was '{_kind(value)}' for value: {text}",
                name,
            )
        env.stack.append(int(value) if kind == "number" else value)

    return evaluate


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return kinds[type(value)]


def _query(expression: str, env: Any, place: str = "") -> Any:
    place = place or "/".join(vars(env).get("places", ()))
    data = env.states._states_data
    states = {name: data[name] for name in ("input", "context", "result", "errorOutput") if name in data}
    store = env.variable_store
    try:
        return jsonata.evaluate(expression, {**store._outer_scope, **store._inner_scope, "states": states})
    except jsonata.QueryError as error:
        cause = f"The JSONata expression '{expression}' specified for the field '{place}' {error}"
        raise query_failure(env, cause, place) from error


@contextmanager
def variables(_: Served) -> Iterator[None]:
    """`$name` and a path from there are a variable's value in JSONPath; moto's needs its JSONata.

    A state's variables are set when it ends.

    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """

    def evaluate(component: Any, env: Any) -> None:
        expression = component.expression
        if component.query_language_mode == QueryLanguageMode.JSONata:
            env.stack.append(_query(expression, env))
            return
        steps = jsonpath.variable(expression)
        try:
            value = env.variable_store.get(steps.name)
            env.stack.append(copied(jsonpath.find(steps.path, value)))
        except (NoSuchVariable, jsonpath.NoSuchPathError):
            raise NoSuchJsonPathError(json_path=expression, data=env.states.get_input()) from None

    def assign(declaration: Any, env: Any) -> None:
        values: dict[str, Any] = {}
        for binding in declaration.declaration_bindings:
            binding.eval(env=env)
            values |= env.stack.pop()
        # Set when the state ends: its Output still sees what was before.
        env.assigned = values

    def assigned(store: Any) -> dict[str, str]:
        names = store._declaration_tracing
        return {name: encoding.to_json_str(store.get(name), separators=(",", ":")) for name in names}

    with (
        patch.object(StringVariableSample, "_eval_body", evaluate),
        patch.object(AssignDecl, "_eval_body", _within(assign, lambda _: "Assign")),
        patch.object(VariableStore, "get_assigned_variables", assigned),
    ):
        yield


_PERCENTAGE = re.compile(r'("ToleratedFailurePercentage"\s*:\s*)(\d+)(?=\s*[,}])')


@contextmanager
def whole_percentages(_: Served) -> Iterator[None]:
    """`ToleratedFailurePercentage` may be a whole number; moto's grammar wants a decimal point.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    """
    parse: Any = AmazonStateLanguageParser.parse

    def read(definition: str) -> Any:
        return parse(_PERCENTAGE.sub(r"\1\2.0", definition))

    with patch.object(AmazonStateLanguageParser, "parse", staticmethod(read)):
        yield


@contextmanager
def text_literals(_: Served) -> Iterator[None]:
    """Text in a definition is JSON: `\\"` is a quotation mark; moto keeps the backslash.

    https://states-language.net/spec.html#structure-of-a-state-machine
    """

    def read(parser_rule_context: Any) -> str | None:
        text = parser_rule_context.getText()
        if text == "null":
            return None
        if text.startswith('"') and text.endswith('"'):
            value: str = json.loads(text)
            return value
        return str(text)

    with patch.object(Preprocessor, "_inner_string_of", staticmethod(read)):
        yield


@contextmanager
def choices(_: Served) -> Iterator[None]:
    """A Choice on what is not there fails (`States.Runtime`), unless it asks IsPresent; moto goes on.

    Where nothing matches, and there is no Default, it fails as `States.NoChoiceMatched`.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """

    read: Any = Preprocessor.visitChoice_rule_comparison_variable

    def read_rule(preprocessor: Any, ctx: Any) -> Any:
        rule = read(preprocessor, ctx)
        if rule.assign is None:
            parts = (preprocessor.visit(each) for each in ctx.children)
            rule.assign = next((each for each in parts if isinstance(each, AssignDecl)), None)
        return rule

    with (
        patch.object(Preprocessor, "visitChoice_rule_comparison_variable", read_rule),
        patch.object(ComparisonVariable, "_eval_body", _compare),
        patch.object(StateChoice, "_eval_state", _choose),
        patch.object(StateChoice, "_eval_state_output", _filter_output),
    ):
        yield


def _compare(comparison: Any, env: Any) -> None:
    variable = comparison.variable.string_sampler
    name = comparison.comparison_function.operator_type.name
    expected = comparison.comparison_function.value
    try:
        value = _sampled(variable, env)
    except (NoSuchJsonPathError, LookupError):
        if name == "IsPresent":
            env.stack.append(expected is False)
            return
        raise _invalid(env, variable.literal_value) from None
    if name == "IsPresent":
        env.stack.append(expected is True)
        return
    if name.endswith("Path"):
        name = name.removesuffix("Path")
        expected = _expected(comparison.comparison_function, env)
    env.stack.append(COMPARISONS[name](value, expected))


def _choose(state: Any, env: Any) -> None:
    for rule in state.choices_decl.rules:
        rule.comparison.eval(env)
        if env.stack.pop() is True:
            _take(rule, rule.next_stmt.name, env)
            return
    if state.default_state is None:
        cause = "Failed to transition out of the state. The state does not point to a next state."
        raise failure(env, StatesErrorNameType.StatesNoChoiceMatched, cause)
    default = SimpleNamespace(assign=state.assign_decl, output=state.output)
    _take(default, state.default_state.state_name, env)


def _filter_output(state: Any, env: Any) -> None:
    if state.output_path:
        state.output_path.eval(env=env)


def _take(rule: Any, next_state: str, env: Any) -> None:
    if rule.assign:
        rule.assign.eval(env=env)
    if rule.output:
        rule.output.eval(env=env)
    env.next_state_name = next_state


def _invalid(env: Any, path: str) -> Any:
    cause = f"Invalid path '{path}': The choice state's condition path references an invalid value."
    return failure(env, StatesErrorNameType.StatesRuntime, cause)


def _sampled(sampler: Any, env: Any) -> Any:
    path = sampler.literal_value
    if path.startswith("$$"):
        return jsonpath.find(path[1:], env.states.context_object.context_object_data)
    if isinstance(sampler, StringVariableSample):
        sampler.eval(env=env)
        return env.stack.pop()
    return jsonpath.find(path, env.stack[-1])


def _expected(function: Any, env: Any) -> Any:
    """What a comparison such as StringEqualsPath compares with."""
    if sample := getattr(function, "string_variable_sample", None):
        sample.eval(env=env)
        return env.stack.pop()
    path = function.value
    try:
        if path.startswith("$$"):
            return jsonpath.find(path[1:], env.states.context_object.context_object_data)
        return jsonpath.find(path, env.stack[-1])
    except jsonpath.NoSuchPathError:
        raise _invalid(env, path) from None


@contextmanager
def context_object(_: Served) -> Iterator[None]:
    """`$$.Map` is there in every state within a Map state; moto's is not in tasks.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    frame: Any = Environment.as_inner_frame_of.__func__  # type: ignore[attr-defined]

    def frame_with_map(cls: Any, env: Any, *given: Any, **named: Any) -> Any:
        made = frame(cls, env, *given, **named)
        outer = env.states.context_object.context_object_data
        if "Map" in outer:
            made.states.context_object.context_object_data["Map"] = outer["Map"]
        made.entered_event_id = getattr(env, "entered_event_id", 0)
        made.places = []
        return made

    with patch.object(Environment, "as_inner_frame_of", classmethod(frame_with_map)):
        yield


@contextmanager
def json_text(_: Served) -> Iterator[None]:
    """JSON is UTF-8 on AWS, also where its size is limited; moto writes `\\u00e4` for an ä.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def dumps(value: Any, **more: Any) -> str:
        return json.dumps(value, ensure_ascii=False, **more)

    with patch.object(encoding, "json", SimpleNamespace(dumps=dumps)):
        yield


# moto's grammar has no line ends and their like in texts.
_HIDDEN = {code: 0xE000 + code for code in range(32)}
_SHOWN = {hidden: code for code, hidden in _HIDDEN.items()}


@contextmanager
def intrinsics(_: Served) -> Iterator[None]:
    """`States.Format` and its like fail as `States.IntrinsicFailure`; some of moto's answers differ, too.

    https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
    """

    def read(_: Any, ctx: Any) -> Any:
        written = json.loads(ctx.STRINGINTRINSICFUNC().getText())
        function, _tree = IntrinsicParser.parse(written.translate(_HIDDEN))
        return StringIntrinsicFunction(intrinsic_function_derivation=written, function=function)

    def evaluate(component: Any, env: Any) -> None:
        try:
            component.function.eval(env=env)
        except IntrinsicError as error:
            cause = (
                f"An error occurred while executing the state '{env.next_state_name}' (entered at the event "
                f"id #{entered(env)}). The function '{component.intrinsic_function_derivation}' had the "
                f"following error: {error}"
            )
            raise failure(env, StatesErrorNameType.StatesIntrinsicFailure, cause) from error

    def text(parse_tree: Any) -> str:
        # A brace's backslash is for Format to read.
        return re.sub(r"\\('|\\(?![{}]))", r"\1", parse_tree.getText()[1:-1]).translate(_SHOWN)

    def call(function: Any, env: Any) -> None:
        function.argument_list.eval(env=env)
        arguments = env.stack.pop()
        env.stack.append(copied(call_intrinsic(function.name.function_type._name_, arguments)))

    with ExitStack() as patches:
        patches.enter_context(patch.object(Preprocessor, "visitString_intrinsic_function", read))
        patches.enter_context(patch.object(StringIntrinsicFunction, "_eval_body", evaluate))
        patches.enter_context(patch.object(StringFormat, "__init__", _format_of_anything))
        patches.enter_context(patch.object(IntrinsicPreprocessor, "_text_of_str", staticmethod(text)))
        for function in StatesFunction.__subclasses__():
            patches.enter_context(patch.object(function, "_eval_body", call))
        yield


def _format_of_anything(function: Any, argument_list: Any) -> None:
    """moto's takes no function for a template."""
    name = StatesFunctionName(function_type=StatesFunctionNameType.Format)
    StatesFunction.__init__(function, states_name=name, argument_list=argument_list)


PATCHES: tuple[Patch, ...] = (
    intrinsics,
    query_languages,
    definitions,
    whole_percentages,
    text_literals,
    json_text,
    paths,
    jsonata_expressions,
    variables,
    choices,
    context_object,
)
