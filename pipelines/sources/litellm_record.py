"""What LiteLLM's payload and its spend-log row have in common: the same proxy writes both, under names that differ."""

from __future__ import annotations

from pipelines.sources import Fields, tag_list


def bare_id(request_id: str) -> str:
    """SQL of an id without what a hit of the response cache adds to its original's."""
    return f"regexp_replace({request_id}, '_cache_hit[0-9.]+$', '')"


def tags_of(tags: str) -> str:
    """SQL of the caller's own tags as a JSON list; `tags`: SQL of what LiteLLM logged."""
    return f"to_json(list_filter({tag_list(tags)}, lambda x: not starts_with(x, 'User-Agent:')))::varchar"


def operation_of(call_type: str) -> str:
    return (
        f"case when {call_type} like '%embedding%' then 'embeddings' when {call_type} like '%rerank%' then 'rerank' "
        f"when {call_type} like '%completion%' or {call_type} like '%responses%' or {call_type} like '%messages%' "
        f"or {call_type} like '%generate_content%' then 'chat' else coalesce({call_type}, 'chat') end"
    )


def experiment_of(is_silent: str, named: str) -> str:
    """SQL of the experiment: shadow traffic is one, whatever the caller names."""
    return f"case when {is_silent} then 'silent' else {named} end"


def base_model_of(base: str, model: str) -> str:
    """The operator's own statement of which public model a deployment runs (`model_info.base_model`)."""
    return f"case when {base} <> {model} then {base} end"


def client_left(f: Fields, error: str) -> str:
    """SQL: whether the client cut the call off; `error`: path of the error's object."""
    return f"coalesce({f.text(f'{error}.error_class')} = 'ClientDisconnected', false)"


def outcome(f: Fields, error: str, messages: tuple[str, ...], status: str) -> dict[str, str]:
    """How the call ended. `error`: path of the error's object; `messages`: paths of its text; `status`: SQL of LiteLLM's own."""
    kind = f.text(f"{error}.error_class")
    # The message decides and is not kept: provider budgets of the router have no class of their own.
    message = f.whole(*messages)
    budget = (
        f"{kind} = 'BudgetExceededError' or {f.text(f'{error}.error_rate_limit_type')} = 'budget' "
        f"or contains({message}, 'crossed budget')"
    )
    return {
        "status": f"case when {budget} then 'blocked_budget' when {status} = 'failure' then 'error' "
        f"when {client_left(f, error)} then 'cancelled' else 'ok' end",
        "http_status": f"try_cast({f.text(f'{error}.error_code')} as bigint)",
        "error_type": kind,
    }


def usage_quality(counts: tuple[str, ...], status: str, left: str) -> str:
    """SQL of how far the counts can be trusted: what a cut stream used is the gateway's own count, not the provider's."""
    counted = " + ".join(f"coalesce({count}, 0)" for count in counts)
    return f"case when {counted} = 0 then 'missing' when {status} = 'failure' or {left} then 'estimated' else 'reported' end"


def cost(f: Fields, total: str, margin: str, is_hit: str) -> dict[str, str]:
    """What LiteLLM says it cost, without its margin. `total`, `margin`: paths; `is_hit`: SQL of a hit of the cache."""
    # On a hit the breakdown is that of the answer's first call, its margin too.
    markup, whole = f"case when {is_hit} then null else {f.money(margin)} end", f.money(total)
    return {
        "cost_reported": f"({whole} - coalesce({markup}, 0))::decimal(38,12)",
        "cost_currency": f"case when {whole} is not null then 'USD' end",
        "cost_source": f"case when {whole} is not null then 'litellm' end",
        "cost_markup": markup,
    }
