namespace Skipwise.Chat.Jinja;

/// <summary>A filter, test, method or function of this renderer.</summary>
internal sealed class Builtin
{
    private readonly Body _body;
    private readonly string[] _names;
    private readonly int _required;
    private readonly bool _takesMore, _byPosition;

    /// <summary>Computes the result.</summary>
    /// <param name="self">the filtered or tested value, or the method's object</param>
    public delegate object? Body(Rendering rendering, object? self, BoundArguments arguments);

    /// <summary>Describes it.</summary>
    /// <param name="name">for errors</param>
    /// <param name="signature">names of parameters with spaces between them; ! behind one that is required, * at the end for any
    /// further ones, / at the beginning if none can be named</param>
    public Builtin(string name, string signature, Body body)
    {
        Name = name;
        _body = body;
        string[] parts = signature.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _names = [.. parts.Where(part => part is not ("*" or "/")).Select(part => part.TrimEnd('!'))];
        _required = parts.Count(part => part.EndsWith('!'));
        _takesMore = parts.Contains("*");
        _byPosition = parts.Contains("/");
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Calls it.</summary>
    /// <exception cref="TemplateFault">the arguments do not fit, or their values do not</exception>
    public object? Call(Rendering rendering, object? self, Arguments arguments)
    {
        object?[] values = new object?[_names.Length];
        Array.Fill(values, BoundArguments.Missing);
        if (arguments.Positional.Count > values.Length && !_takesMore)
        {
            throw new TemplateFault($"{Name}() takes at most {values.Length} arguments, found {arguments.Positional.Count}");
        }
        for (int i = 0; i < Math.Min(values.Length, arguments.Positional.Count); i++)
        {
            values[i] = arguments.Positional[i];
        }
        foreach ((string name, object? value) in arguments.Named)
        {
            int at = _byPosition ? -1 : Array.IndexOf(_names, name);
            if (at >= 0 && values[at] == BoundArguments.Missing)
            {
                values[at] = value;
            }
            else if (at >= 0 || !_takesMore)
            {
                throw new TemplateFault($"{Name}() " + (at < 0 ? $"takes no argument '{name}'" : $"has two values for '{name}'"));
            }
        }
        for (int i = 0; i < _required; i++)
        {
            if (values[i] == BoundArguments.Missing)
            {
                throw new TemplateFault($"{Name}() lacks its argument '{_names[i]}'");
            }
        }
        return _body(rendering, self, new(Name, _names, values, arguments));
    }

    /// <summary>It as a value that is bound to an object.</summary>
    public Function Bind(object? self) => new(Name, (rendering, arguments) => Call(rendering, self, arguments));
}
