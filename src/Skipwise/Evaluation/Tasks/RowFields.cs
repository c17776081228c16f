using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Reads values of a row independently of the file's format: CSV files hold only text, and the public files differ in names and
/// types.</summary>
internal static class RowFields
{
    /// <summary>The first of these fields that the row has.</summary>
    public static LocatedJson Any(this LocatedJson row, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (row.Find(name) is { } value)
            {
                return value;
            }
        }
        string wanted = string.Join(" or ", names.ToArray().Select(name => $"\"{name}\""));
        string found = string.Join(", ", row.Members().Select(member => $"\"{member.Name}\""));
        throw row.Error($"has no {wanted}, but {(found.Length > 0 ? found : "no field at all")}");
    }

    /// <summary>The value as an integer: 1, "1", or true and false as 1 and 0.</summary>
    public static int Index(this LocatedJson value)
    {
        if (value.IsTruth)
        {
            return value.Truth ? 1 : 0;
        }
        if (!value.IsText)
        {
            return value.Number;
        }
        return bool.TryParse(value.Text, out bool truth) ? (truth ? 1 : 0)
            : int.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number
            : throw value.Error($"is '{value.Text}' where a whole number was expected");
    }

    public static IReadOnlyList<string> Texts(this LocatedJson list) => [.. list.Unfolded().Items().Select(item => item.Text)];
}
