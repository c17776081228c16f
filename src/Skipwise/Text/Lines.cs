namespace Skipwise.Text;

/// <summary>The lines of a small text file, with an error that names it.</summary>
internal static class Lines
{
    public static string[] Read(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
