using System.Text;

namespace Skipwise.Synthetic;

/// <summary>A text to which sentences are appended, separated by a space, until it is long enough.</summary>
internal sealed class MeasuredText(TextLength wanted)
{
    private readonly StringBuilder _text = new();
    private int _length;

    public bool IsLongEnough => _length >= wanted.Count;

    public void Add(string sentence)
    {
        string piece = _text.Length == 0 ? sentence : " " + sentence;
        _text.Append(piece);
        _length += wanted.Measure(piece);
    }

    public override string ToString() => _text.ToString();
}
