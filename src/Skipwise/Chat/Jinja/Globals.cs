using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>The functions that a template has without being given them.</summary>
internal static class Globals
{
    private static readonly string[] s_unsupported = ["lipsum", "cycler", "joiner"];

    private static readonly BuiltinTable s_functions = new()
    {
        { "range", "/ start! stop step", (r, _, a) => Range(a) },
        { "dict", "*", (r, _, a) => Dict(r, a.All) },
        { "namespace", "*", (r, _, a) => Namespace(r, a.All) },
        { "raise_exception", "message!", (r, _, a) => throw new TemplateFault(Values.Text(r, a[0])) { IsRaised = true } },
        { "strftime_now", "format!", (r, _, a) => r.Made(StrftimeFormat.Format(a.Text(0), r.Now)) },
    };

    /// <summary>A scope with all of them.</summary>
    public static Scope Scope()
    {
        var scope = new Scope(null);
        foreach ((string name, Builtin function) in s_functions)
        {
            scope.Set(name, function.Bind(null));
        }
        foreach (string name in s_unsupported)
        {
            scope.Set(name, new Function(name, (_, _) => throw TemplateFault.Unsupported($"the function {name}()")));
        }
        return scope;
    }

    private static RangeValue Range(BoundArguments a)
    {
        BigInteger At(int i) => Numbers.AsInteger(a[i])
            ?? throw TemplateFault.Expected("range() needs ints", a[i]);
        return a.Has(1) ? RangeValue.Create(At(0), At(1), a.Has(2) ? At(2) : 1) : RangeValue.Create(0, At(0), 1);
    }

    /// <summary>Python's dict(): of a dict or pairs, and named arguments.</summary>
    private static DictValue Dict(Rendering rendering, Arguments arguments)
    {
        if (arguments.Positional.Count > 1)
        {
            throw new TemplateFault("dict() takes at most one argument without a name");
        }
        var dict = new DictValue();
        foreach (object? pair in arguments.Positional is [DictValue other] ? Members.Pairs(rendering, other)
            : arguments.Positional is [var pairs] ? Values.Iterate(rendering, pairs) : [])
        {
            object?[] item = [.. Values.Iterate(rendering, pair).Take(3)];
            dict.Set(rendering, item.Length == 2 ? item[0] : throw new TemplateFault("dict() found an item that is no pair"), item[1]);
        }
        foreach ((string name, object? value) in arguments.Named)
        {
            dict.Set(rendering, name, value);
        }
        return dict;
    }

    private static NamespaceValue Namespace(Rendering rendering, Arguments arguments)
    {
        var space = new NamespaceValue();
        foreach ((object? name, object? value) in Dict(rendering, arguments).Items)
        {
            space.Attributes[name as string ?? throw new TemplateFault("an attribute of a namespace is no str")] = value;
        }
        return space;
    }
}
