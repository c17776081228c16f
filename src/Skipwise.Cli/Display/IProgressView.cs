namespace Skipwise.Cli.Display;

/// <summary>Shows progress: as a bar that redraws, or as lines.</summary>
internal interface IProgressView
{
    /// <summary>A new stage; the one before is over.</summary>
    void Begin(string title);

    /// <summary>Where the stage stands.</summary>
    /// <param name="share">0..1; NaN when the end is not known</param>
    /// <param name="status">status text</param>
    void Update(double share, string status);

    /// <summary>The last stage is over.</summary>
    void End();
}
