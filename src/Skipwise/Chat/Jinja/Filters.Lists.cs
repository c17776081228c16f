using System.Globalization;
using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

internal static partial class Filters
{
    private static string Joined(Rendering rendering, object? value, BoundArguments a)
    {
        string separator = Values.Text(rendering, a.Or(0, ""));
        Func<object?, object?> attribute = Attribute(rendering, a.Or(1, null));
        var result = new StringBuilder();
        bool isFirst = true;
        foreach (object? item in Values.Iterate(rendering, value))
        {
            string text = Values.Text(rendering, attribute(item));
            rendering.Charge(separator.Length + text.Length);
            result.Append(isFirst ? "" : separator).Append(text);
            isFirst = false;
        }
        return result.ToString();
    }

    /// <summary>Finds an attribute of items by its path: names and indices with dots between them.</summary>
    /// <param name="path">null: the item itself</param>
    /// <param name="missing">what stands for an attribute that does not exist; null: nothing does</param>
    private static Func<object?, object?> Attribute(Rendering rendering, object? path, object? missing = null)
    {
        if (path is null)
        {
            return item => item;
        }
        rendering.Charge(path is string whole ? 8L * whole.Length : 1);
        object[] parts = path is string text ? [.. text.Split('.').Select(Part)]
            : [Numbers.AsInteger(path) ?? throw new TemplateFault("the name of an attribute is neither a str nor an int")];
        return item =>
        {
            foreach (object part in parts)
            {
                item = Members.Item(rendering, item, part);
                item = item is Undefined && missing is not null ? missing : item;
            }
            return item;
        };
    }

    private static object Part(string text) => text.Length is > 0 and < 10 && text.All(char.IsAsciiDigit)
        ? BigInteger.Parse(text, CultureInfo.InvariantCulture) : text;

    /// <summary>What is compared of an item: of texts small letters, unless case counts.</summary>
    private static Func<object?, object?> Key(Rendering rendering, object? path, bool isCaseSensitive)
    {
        Func<object?, object?>[] attributes =
            path is string several ? [.. several.Split(',').Select(part => Attribute(rendering, part))] : [Attribute(rendering, path)];
        object? Of(object? item, Func<object?, object?> attribute) =>
            attribute(item) is var value && value is string text && !isCaseSensitive ? rendering.Made(text.ToLowerInvariant()) : value;
        return attributes.Length == 1 ? item => Of(item, attributes[0])
            : item => rendering.List(attributes.Select(attribute => Of(item, attribute)));
    }

    private static SequenceValue Sorted(Rendering rendering, object? value, BoundArguments a) => new(Values.Sort(
        rendering, Values.Iterate(rendering, value), Key(rendering, a.Or(2, null), a.Truth(1, false)), a.Truth(0, false)));

    private static SequenceValue SortedItems(Rendering rendering, object? value, BoundArguments a)
    {
        DictValue dict = value as DictValue ?? throw TemplateFault.Expected("the filter dictsort needs a dict", value);
        BigInteger at = a.Text(1, "key") switch
        {
            "key" => 0,
            "value" => 1,
            var by => throw new TemplateFault($"the filter dictsort sorts by key or value, found '{by}'"),
        };
        return new(Values.Sort(rendering, Members.Pairs(rendering, dict), Key(rendering, at, a.Truth(0, false)), a.Truth(2, false)));
    }

    private static object? Extreme(Rendering rendering, object? value, BoundArguments a, int wanted)
    {
        Func<object?, object?> key = Key(rendering, a.Or(1, null), a.Truth(0, false));
        object? best = new Undefined("an empty list has no smallest or largest item"), bestKey = null;
        bool isFirst = true;
        foreach (object? item in Values.Iterate(rendering, value))
        {
            object? itemKey = key(item);
            if (isFirst || Values.Compare(rendering, itemKey, bestKey) * wanted > 0)
            {
                (best, bestKey) = (item, itemKey);
            }
            isFirst = false;
        }
        return best;
    }

    private static IEnumerable<object?> Unique(Rendering rendering, object? value, BoundArguments a)
    {
        Func<object?, object?> key = Key(rendering, a.Or(1, null), a.Truth(0, false));
        var seen = new HashSet<HashKey>();
        foreach (object? item in Values.Iterate(rendering, value))
        {
            rendering.Charge(Rendering.ItemSize);
            if (seen.Add(new(rendering, key(item))))
            {
                yield return item;
            }
        }
    }

    private static object? Sum(Rendering rendering, object? value, BoundArguments a)
    {
        Func<object?, object?> attribute = Attribute(rendering, a.Or(0, null));
        object? sum = a.Or(1, BigInteger.Zero);
        if (sum is string)
        {
            throw new TemplateFault("the filter sum adds no texts: use join");
        }
        foreach (object? item in Values.Iterate(rendering, value))
        {
            sum = Arithmetic.Compute(rendering, "+", sum, attribute(item));
        }
        return sum;
    }

    private static IEnumerable<object?> Mapped(Rendering rendering, object? value, Arguments arguments)
    {
        if (!Values.IsTrue(value))
        {
            return []; // whatever it is: jinja2 looks no further
        }
        object? Named(string name) =>
            arguments.Named.Where(argument => argument.Name == name).Select(argument => argument.Value).FirstOrDefault();
        if (arguments.Positional.Count == 0 && Named("attribute") is { } path)
        {
            string? unknown = arguments.Named.Select(argument => argument.Name)
                .FirstOrDefault(name => name is not ("attribute" or "default"));
            Func<object?, object?> attribute = unknown is null ? Attribute(rendering, path, Named("default"))
                : throw new TemplateFault($"the filter map takes no argument '{unknown}'");
            return Values.Iterate(rendering, value).Select(attribute);
        }
        string name = arguments.Positional is [string first, ..] ? first
            : throw new TemplateFault("the filter map needs the name of a filter");
        Builtin filter = Table.GetValueOrDefault(name) ?? throw Table.Missing("filter", name);
        Arguments rest = arguments.Without(1);
        return Values.Iterate(rendering, value).Select(item => filter.Call(rendering, item, rest));
    }

    private static IEnumerable<object?> Selected(Rendering rendering, object? value, Arguments arguments, bool wanted, bool byAttribute)
    {
        if (!Values.IsTrue(value))
        {
            return [];
        }
        Func<object?, object?> attribute = item => item;
        if (byAttribute)
        {
            attribute = Attribute(rendering, arguments.Positional.Count > 0 ? arguments.Positional[0]
                : throw new TemplateFault("the name of an attribute is missing"));
            arguments = arguments.Without(1);
        }
        Func<object?, bool> test = Values.IsTrue;
        if (arguments.Positional.Count > 0)
        {
            string name = arguments.Positional[0] as string ?? throw new TemplateFault("the name of a test is no str");
            Builtin named = Tests.Table.GetValueOrDefault(name) ?? throw Tests.Table.Missing("test", name);
            Arguments rest = arguments.Without(1);
            test = item => Values.IsTrue(named.Call(rendering, item, rest));
        }
        return Values.Iterate(rendering, value).Where(item => test(attribute(item)) == wanted);
    }

    private static IEnumerable<object?> Batches(Rendering rendering, object? value, int size, object? fill)
    {
        var batch = new List<object?>();
        foreach (object? item in Values.Iterate(rendering, value))
        {
            if (batch.Count == size)
            {
                yield return rendering.List(batch);
                batch.Clear();
            }
            rendering.Charge(Rendering.ItemSize);
            batch.Add(item);
        }
        if (batch.Count > 0)
        {
            int missing = fill is null ? 0 : Math.Max(0, size - batch.Count);
            yield return rendering.List(batch.Concat(Enumerable.Repeat(fill, missing)));
        }
    }

    private static IEnumerable<object?> Slices(Rendering rendering, object? value, int slices, object? fill)
    {
        IReadOnlyList<object?> items = rendering.List(Values.Iterate(rendering, value)).Items;
        if (slices == 0)
        {
            throw new TemplateFault("divides by zero");
        }
        int size = items.Count / slices, longer = items.Count % slices, start = 0;
        for (int i = 0; i < slices; i++)
        {
            int count = size + (i < longer ? 1 : 0);
            IEnumerable<object?> slice = items.Skip(start).Take(count);
            start += count;
            yield return rendering.List(fill is not null && i >= longer ? slice.Append(fill) : slice);
        }
    }
}
