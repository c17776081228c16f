using System.Diagnostics;
using Skipwise.Chat;

namespace Skipwise.Tests.Chat;

/// <summary>A template comes with a model from anywhere: a hostile one ends soon, in bounded memory, with an error.</summary>
public class ChatLimitTests
{
    private static readonly string s_endless = "{% for i in range(99999) %}{% for j in range(99999) %}BODY{% endfor %}{% endfor %}";

    // with a limit that is missing each of them takes minutes, or all memory
    public static TheoryData<string, string> Hostile => new()
    {
        { "loops", s_endless },
        { "recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}" },
        { "doubled text", "{% set n = namespace(s='xxxx') %}{% for a in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}" },
        { "doubled list", "{% set n = namespace(s=[1]) %}{% for a in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}" },
        { "output", s_endless.Replace("BODY", new string('x', 10_000), StringComparison.Ordinal) },
        { "times", "{{ 'a' * 1000000000 }}" },
        { "list times", "{{ [1] * 1000000000 }}" },
        { "range", "{{ range(1000000000) | list }}" },
        { "center", "{{ 'a' | center(2000000000) }}" },
        { "ljust", "{{ 'a'.ljust(2000000000) }}" },
        { "zfill", "{{ '1'.zfill(2000000000) }}" },
        { "indent", "{{ 'a' | indent(2000000000, true) }}" },
        { "format width", "{{ '%2000000000d' % 1 }}" },
        { "format places", "{{ '%.2000000000f' % 1 }}" },
        { "json indent", "{{ [[1]] | tojson(indent=2000000000) }}" },
        { "batch", "{{ [1] | batch(2000000000, 1) | list }}" },
        { "slice", "{{ [1] | slice(2000000000) | list }}" },
        { "power", "{{ 9 ** 999999999999 }}" },
        { "product", "{% set a = 2 ** 1000 %}" + s_endless.Replace("BODY", "{% set b = a * a %}", StringComparison.Ordinal) },
        { "replace", "{% set a = 'a' * 100000 %}{{ a.replace('a', a) }}" },
        { "join", "{% set a = 'a' * 10000 %}{{ a | list | join(a) }}" },
        { "search", "{% set a = 'a' * 1000000 %}" + s_endless.Replace("BODY", "{% set b = a ~ 'b' in a ~ a %}", StringComparison.Ordinal) },
        { "index", "{% set a = 'a' * 500000 %}" + s_endless.Replace("BODY", "{% set b = a[-1] %}", StringComparison.Ordinal) },
        { "length", "{% set a = 'a' * 500000 %}" + s_endless.Replace("BODY", "{% set b = a | length %}", StringComparison.Ordinal) },
        { "number", "{% set a = '7' * 4000 %}" + s_endless.Replace("BODY", "{% set b = a | int %}", StringComparison.Ordinal) },
        { "equality", "{% set a = 'ab' * 50000 %}"
            + s_endless.Replace("BODY", "{% set b = a == 'ab' * 50000 %}", StringComparison.Ordinal) },
        { "sort", "{% set a = range(99999) | list %}" + s_endless.Replace("BODY", "{% set b = a | sort %}", StringComparison.Ordinal) },
        { "named arguments", "{% set a = '{x}' * 40000 %}{% set d = dict(range(90000) | map('string') | batch(2)) %}"
            + s_endless.Replace("BODY", "{% set b = a.format(x=1, **d) %}", StringComparison.Ordinal) },
        { "nested list", "{% set n = namespace(l=[]) %}{% for a in range(99999) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}" },
        { "nested JSON", "{% set n = namespace(l=[]) %}{% for a in range(99999) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l | tojson }}" },
        { "nested equality",
            "{% set n = namespace(l=[]) %}{% for a in range(99999) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l == [n.l] }}" },
        { "parentheses", "{{ " + new string('(', 100_000) + "1" + new string(')', 100_000) + " }}" },
        { "not", "{{ " + string.Concat(Enumerable.Repeat("not ", 100_000)) + "1 }}" },
        { "sum", "{{ 1" + string.Concat(Enumerable.Repeat("+1", 100_000)) + " }}" },
        { "attributes", "{{ x" + string.Concat(Enumerable.Repeat(".a", 100_000)) + " }}" },
        { "blocks", string.Concat(Enumerable.Repeat("{% if 1 %}", 50_000)) + string.Concat(Enumerable.Repeat("{% endif %}", 50_000)) },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_hostile_template_ends_with_an_error(string name, string source)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        string message = Assert.Throws<SkipwiseException>(() => ChatTemplate.Parse(source).Render([])).Message;
        Assert.Matches("more than|too deeply", message);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{name}: {watch.Elapsed}"); // seconds, on a machine that does nothing else
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4L << 30, name);
    }

    [Fact]
    public void A_long_document_is_far_from_the_limits()
    {
        string document = string.Concat(Enumerable.Repeat("The mill by the river stood still. ", 100_000)); // about 800,000 tokens
        ChatTemplate template = ChatTemplate.Parse(File.ReadAllText(Fixture.Path("chat", "templates", "qwen3.jinja")));
        string text = template.Render([new() { ["role"] = "user", ["content"] = document }]);
        Assert.Equal($"<|im_start|>user\n{document}<|im_end|>\n<|im_start|>assistant\n", text);
    }
}
