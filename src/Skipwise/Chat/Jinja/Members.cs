using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>Attributes and items of values, by the rules of jinja2's sandbox.</summary>
internal static class Members
{
    private static readonly BuiltinTable s_list = new()
    {
        { "copy", "", (r, self, a) => self },
        { "count", "/ value!", (r, self, a) =>
            (BigInteger)((SequenceValue)self!).Items.Count(item => Values.Equal(r, item, a[0])) },
        { "index", "/ value! start", (r, self, a) => Found(IndexOf(r, (SequenceValue)self!, a[0], a.Int(1, 0))) },
    };

    private static readonly BuiltinTable s_dict = new("fromkeys")
    {
        { "copy", "", (r, self, a) => self },
        { "get", "/ key! default", (r, self, a) => ((DictValue)self!).TryGet(r, a[0], out object? value) ? value : a.Or(1, null) },
        { "items", "", (r, self, a) => new DictView("items", Pairs(r, (DictValue)self!)) },
        { "keys", "", (r, self, a) => new DictView("keys", r.List(((DictValue)self!).Items.Select(item => item.Key)).Items) },
        { "values", "", (r, self, a) => new DictView("values", r.List(((DictValue)self!).Items.Select(item => item.Value)).Items) },
    };

    private static readonly BuiltinTable s_number = new(
        "as_integer_ratio bit_count bit_length conjugate denominator from_bytes fromhex hex imag is_integer numerator real to_bytes");

    private static readonly BuiltinTable s_none = new(), s_tuple = s_list; // a tuple has no copy, and nobody asks for it

    // what changes a list or a dict: in the sandbox it is there and cannot be used
    private static readonly HashSet<string> s_changing =
        ["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update"];

    /// <summary>The items of a dict as tuples.</summary>
    public static IReadOnlyList<object?> Pairs(Rendering rendering, DictValue dict) =>
        rendering.List(dict.Items.Select(item => new SequenceValue([item.Key, item.Value], isTuple: true))).Items;

    /// <summary>object.name: an attribute, else an item of that key.</summary>
    /// <exception cref="TemplateFault">the object is undefined, or the attribute is not supported</exception>
    public static object? Attribute(Rendering rendering, object? self, string name) =>
        TryAttribute(self, name, out object? value) ? value
        : self is DictValue dict && dict.TryGet(rendering, name, out object? item) ? item
        : new Undefined($"'{Describe(self)}' has no attribute '{name}'");

    /// <summary>object[index]: an item, else an attribute of that name.</summary>
    /// <inheritdoc cref="Attribute" path="/exception"/>
    public static object? Item(Rendering rendering, object? self, object? index)
    {
        if (self is Undefined undefined)
        {
            throw undefined.Fault();
        }
        if (self is DictValue dict && IsKey(index) && dict.TryGet(rendering, index, out object? value))
        {
            return value;
        }
        if (self is not DictValue && Numbers.AsInteger(index) is { } number && Values.Length(rendering, self) is { } length)
        {
            int at = Values.Index(number, length);
            switch (self)
            {
                case SequenceValue list when at >= 0:
                    return list.Items[at];
                case string text when at >= 0:
                    return Characters.Slice(text, at, at + 1);
                case RangeValue range when at >= 0:
                    return range[at];
            }
        }
        return index is string name
            ? TryAttribute(self, name, out object? attribute) ? attribute : new Undefined($"'{Describe(self)}' has no attribute '{name}'")
            : new Undefined($"{Describe(self)} has no element {(index is BigInteger ? index : "of that index")}");
    }

    /// <summary>object[start:stop:step].</summary>
    /// <exception cref="TemplateFault">it cannot be sliced, or a bound is no int</exception>
    public static object? Slice(Rendering rendering, object? self, object? start, object? stop, object? step)
    {
        if (self is not (string or SequenceValue or RangeValue))
        {
            throw TemplateFault.Expected("a slice is of a str, a list or a range", self);
        }
        BigInteger by = Bound(step) ?? 1;
        int length = Values.Length(rendering, self)!.Value;
        if (by.IsZero)
        {
            throw new TemplateFault("the step of a slice is 0");
        }
        BigInteger low = by.Sign > 0 ? 0 : -1, high = by.Sign > 0 ? length : length - 1;
        BigInteger Clamped(BigInteger? bound, BigInteger missing) =>
            bound is not { } at ? missing : BigInteger.Clamp(at.Sign < 0 ? at + length : at, low, high);
        BigInteger from = Clamped(Bound(start), by.Sign > 0 ? low : high), to = Clamped(Bound(stop), by.Sign > 0 ? high : low);
        BigInteger distance = by.Sign > 0 ? to - from : from - to;
        int count = distance.Sign <= 0 ? 0 : (int)((distance + BigInteger.Abs(by) - 1) / BigInteger.Abs(by));
        if (self is string text && by.IsOne)
        {
            rendering.Charge(count);
            return Characters.Slice(text, (int)from, (int)from + count);
        }
        if (self is RangeValue range)
        {
            return new RangeValue(range.Start + (range.Step * from), range.Start + (range.Step * to), range.Step * by, count);
        }
        IReadOnlyList<object?> items = self is SequenceValue list ? list.Items : rendering.List(Characters.Of((string)self)).Items;
        SequenceValue taken = rendering.List(
            Enumerable.Range(0, count).Select(i => items[(int)(from + (by * i))]), self is SequenceValue { IsTuple: true });
        return self is string ? string.Concat(taken.Items.Cast<string>()) : taken;
    }

    /// <summary>An attribute that is no item.</summary>
    /// <inheritdoc cref="Attribute" path="/exception"/>
    public static bool TryAttribute(object? self, string name, out object? value)
    {
        value = null;
        switch (self)
        {
            case Undefined undefined:
                throw undefined.Fault();
            case NamespaceValue space:
                return space.Attributes.TryGetValue(name, out value);
            case LoopState loop:
                return loop.TryGet(name, out value);
            case Function:
                throw TemplateFault.Unsupported($"the attribute '{name}' of a function");
        }
        BuiltinTable methods = self switch
        {
            string => StringMethods.Table,
            SequenceValue { IsTuple: true } => s_tuple,
            SequenceValue => s_list,
            DictValue => s_dict,
            bool or BigInteger or double => s_number,
            _ => s_none,
        };
        if (methods.TryGetValue(name, out Builtin? method))
        {
            value = method.Bind(self);
            return true;
        }
        if (self is DictValue or SequenceValue { IsTuple: false } && s_changing.Contains(name)
            && !(self is DictValue && name is "append" or "extend" or "insert" or "remove" or "reverse" or "sort"))
        {
            value = new Undefined($"'{name}' would change the {Values.TypeName(self)}, which a template may not");
            return true;
        }
        return methods.Lacks(name) || (self is Markup && StringMethods.Table.ContainsKey(name))
            ? throw TemplateFault.Unsupported($"the attribute '{name}' of a value of type {Values.TypeName(self)}") : false;
    }

    private static bool IsKey(object? value) =>
        value is not (DictValue or SequenceValue) || (value is SequenceValue { IsTuple: true } tuple && tuple.Items.All(IsKey));

    private static string Describe(object? self) => self is null ? "None" : $"{Values.TypeName(self)} object";

    private static BigInteger? Bound(object? value) => value is null ? null : Numbers.AsInteger(value)
        ?? throw TemplateFault.Expected("the bounds of a slice are ints", value);

    private static int IndexOf(Rendering rendering, SequenceValue list, object? value, int start)
    {
        for (int i = Math.Max(0, start < 0 ? start + list.Items.Count : start); i < list.Items.Count; i++)
        {
            if (Values.Equal(rendering, list.Items[i], value))
            {
                return i;
            }
        }
        return -1;
    }

    private static BigInteger Found(int at) => at >= 0 ? at : throw new TemplateFault("the list does not contain what is looked for");
}
