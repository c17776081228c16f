namespace Skipwise.Cli.Display;

/// <summary>No progress; warnings that a recipe reports as a stage are shown.</summary>
internal sealed class QuietView(Screen screen) : IProgressView
{
    public void Begin(string title) => screen.Note(title); // shows warnings alone

    public void Update(double share, string status) { }

    public void End() { }
}
