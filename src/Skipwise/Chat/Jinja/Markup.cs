namespace Skipwise.Chat.Jinja;

/// <summary>A text that the filters safe and escape have marked. It can be output, and little more: jinja2 would escape what is added
/// to it.</summary>
internal sealed record Markup(string Text);
