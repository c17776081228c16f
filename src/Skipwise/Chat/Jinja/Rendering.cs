namespace Skipwise.Chat.Jinja;

/// <summary>
/// One rendering of a template: what it may still use of its budget, and the time that it sees. A template comes with a model, so a
/// hostile one must end soon and in bounded memory.
/// </summary>
/// <param name="clock">the time of strftime_now</param>
internal sealed class Rendering(TimeProvider clock)
{
    /// <summary>Nodes that may be evaluated and items that may be visited: about a second.</summary>
    public const long MostSteps = 10_000_000;

    /// <summary>Characters of all texts that may be made, 128 MiB; an item of a list counts as <see cref="ItemSize"/> of them.</summary>
    public const long MostCharacters = 1L << 26;

    /// <summary>What an item of a list or dict costs in characters.</summary>
    public const int ItemSize = 16;

    private long _steps = MostSteps, _characters = MostCharacters;

    /// <summary>The time.</summary>
    public DateTimeOffset Now => clock.GetLocalNow();

    /// <summary>Counts a step.</summary>
    /// <exception cref="TemplateFault">there were too many</exception>
    public void Step()
    {
        if (--_steps < 0)
        {
            throw new TemplateFault($"takes more than {MostSteps} steps");
        }
    }

    /// <summary>Counts characters before they are made.</summary>
    /// <exception cref="TemplateFault">there were too many</exception>
    public void Charge(long characters)
    {
        _characters -= characters;
        if (characters < 0 || _characters < 0)
        {
            throw new TemplateFault($"makes more than {MostCharacters} characters of text");
        }
    }

    /// <summary>Counts a text that exists: it is short, or was counted when it was made.</summary>
    /// <returns>the text</returns>
    public string Made(string text)
    {
        Charge(text.Length);
        return text;
    }

    /// <summary>Counts the work of searching a text in another, which for long texts that repeat themselves is their product.</summary>
    public void ChargeSearch(string text, string searched) => Charge(text.Length * (1L + (searched.Length / 32)) / 8);

    /// <summary>Makes a list, and counts its items.</summary>
    public SequenceValue List(IEnumerable<object?> items, bool isTuple = false)
    {
        Charge(ItemSize);
        var counted = new List<object?>();
        foreach (object? item in items)
        {
            Step();
            Charge(ItemSize);
            counted.Add(item);
        }
        return new(counted, isTuple);
    }
}
